#include "operations/backup_manifest.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sodium.h>

#include <algorithm>
#include <charconv>

namespace pricing::operations {
namespace {

using namespace std::chrono_literals;

// One that has no manifest after so long was left behind by a process that died.
constexpr auto abandoned_after = 24h;

bool only(std::string_view text, std::string_view allowed) {
  return text.find_first_not_of(allowed) == std::string_view::npos;
}
constexpr std::string_view digits = "0123456789", hex_digits = "0123456789abcdef";

std::optional<int> number(std::string_view text) {
  int out = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), out);
  if (text.empty() || !only(text, digits) || parsed.ec != std::errc{})
    return std::nullopt;
  return out;
}

// A segment's name without compression; empty for anything else.
std::string_view segment_of(std::string_view file) {
  if (file.ends_with(".gz"))
    file.remove_suffix(3);
  return file.size() == 24 && only(file, "0123456789ABCDEF") ? file : std::string_view();
}

} // namespace

std::string make_backup_id(timestamp now) {
  unsigned char chance[3];
  randombytes_buf(chance, sizeof chance);
  return fmt::format("{:%Y%m%dT%H%M%SZ}-{:02x}{:02x}{:02x}",
                     fmt::gmtime(std::chrono::system_clock::to_time_t(std::chrono::floor<std::chrono::seconds>(now))),
                     chance[0], chance[1], chance[2]);
}

bool is_backup_id(std::string_view text) {
  return text.size() == 23 && only(text.substr(0, 8), digits) && text[8] == 'T' && only(text.substr(9, 6), digits) &&
         text[15] == 'Z' && text[16] == '-' && only(text.substr(17), hex_digits) &&
         parse_timestamp(fmt::format("{}-{}-{}T{}:{}:{}Z", text.substr(0, 4), text.substr(4, 2), text.substr(6, 2),
                                     text.substr(9, 2), text.substr(11, 2), text.substr(13, 2)));
}

timestamp begin_of(std::string_view id) {
  return parse_timestamp(fmt::format("{}-{}-{}T{}:{}:{}Z", id.substr(0, 4), id.substr(4, 2), id.substr(6, 2),
                                     id.substr(9, 2), id.substr(11, 2), id.substr(13, 2)))
      .value();
}

bool is_environment(std::string_view text) {
  return !text.empty() && text.size() <= 40 && only(text, "abcdefghijklmnopqrstuvwxyz0123456789-") && text[0] != '-';
}

std::string folder_key(std::string_view environment, std::string_view id) {
  return fmt::format("{}/{}", environment, id);
}

std::string piece_key(const backup_manifest& m, const backup_stream& s, std::size_t number) {
  return fmt::format("{}/{}.{:05}", folder_key(m.environment, m.id), s.name, number);
}

bool is_own_name(std::string_view name) {
  if (name == "manifest.json" || name == "manifest.sig")
    return true;
  const auto dot = name.find('.');
  if (dot == std::string_view::npos)
    return false;
  const auto stream = name.substr(0, dot), piece = name.substr(dot + 1);
  constexpr std::string_view streams[] = {"database", "wal", "models", "config", "manifests", "terraform"};
  return std::find(std::begin(streams), std::end(streams), stream) != std::end(streams) && piece.size() == 5 &&
         only(piece, digits);
}

std::uint64_t stored_bytes(const backup_manifest& m) {
  std::uint64_t out = 0;
  for (const auto& s : m.streams)
    for (const auto& p : s.pieces)
      out += p.bytes;
  return out;
}

bool has_part(const backup_manifest& m, std::string_view part) {
  return std::any_of(m.streams.begin(), m.streams.end(), [&](const auto& s) { return s.part == part; });
}

result<timestamp> parse_timestamp(std::string_view text) {
  const auto wrong = invalid_input("'" + std::string(text) + "' is not a moment; write 2026-11-25T17:53:38Z");
  if (text.size() < 20 || (text[10] != 'T' && text[10] != ' ') || text[13] != ':' || text[16] != ':')
    return wrong;
  const auto day = parse_date(text.substr(0, 10));
  const auto hour = number(text.substr(11, 2)), minute = number(text.substr(14, 2)),
             second = number(text.substr(17, 2));
  if (!day || !hour || !minute || !second || *hour > 23 || *minute > 59 || *second > 59)
    return wrong;
  timestamp out = *day + std::chrono::hours(*hour) + std::chrono::minutes(*minute) + std::chrono::seconds(*second);
  text.remove_prefix(19);
  if (text.starts_with('.')) {
    const auto end = std::min(text.find_first_not_of(digits, 1), text.size());
    auto fraction = std::string(text.substr(1, end - 1));
    if (fraction.empty() || fraction.size() > 6)
      return wrong;
    fraction.resize(6, '0');
    out += std::chrono::microseconds(*number(fraction));
    text.remove_prefix(end);
  }
  if (text == "Z")
    return out;
  const bool offset = text.size() == 6 && (text[0] == '+' || text[0] == '-') && text[3] == ':';
  const auto hours = offset ? number(text.substr(1, 2)) : std::nullopt;
  const auto minutes = offset ? number(text.substr(4, 2)) : std::nullopt;
  if (!hours || !minutes || *hours > 14 || *minutes > 59)
    return wrong;
  const auto shift = std::chrono::hours(*hours) + std::chrono::minutes(*minutes);
  return text[0] == '+' ? out - shift : out + shift;
}

std::vector<std::string> expired(const std::vector<backup_choice>& all, timestamp keep_from, timestamp now,
                                 const std::function<bool(const std::string& id)>& is_good) {
  std::vector<std::string> out;
  bool good_one_kept = false;
  for (auto b = all.rbegin(); b != all.rend(); ++b) {
    const auto begun = begin_of(b->id);
    const bool old = begun < keep_from;
    if (!b->complete) {
      if (old || begun < now - abandoned_after)
        out.push_back(b->id);
      continue;
    }
    if (!good_one_kept && is_good(b->id)) {
      good_one_kept = true;
      continue;
    }
    if (old)
      out.push_back(b->id);
  }
  // Nothing good is left: what can be repaired by hand is not thrown away.
  if (!good_one_kept)
    std::erase_if(out, [&](const auto& id) {
      return std::any_of(all.begin(), all.end(), [&](const auto& b) { return b.id == id && b.complete; });
    });
  return out;
}

std::vector<std::string> unneeded_wal(const std::vector<std::string>& archived, const std::vector<std::string>& first) {
  // The eight digits of the timeline do not count: history goes on after a promotion.
  std::string oldest;
  for (const auto& f : first)
    if (const auto s = segment_of(f); !s.empty() && (oldest.empty() || s.substr(8) < oldest))
      oldest = s.substr(8);
  std::vector<std::string> out;
  for (const auto& file : archived)
    if (const auto s = segment_of(file); !s.empty() && (oldest.empty() || s.substr(8) < oldest))
      out.push_back(file);
  return out;
}

} // namespace pricing::operations
