#include "operations/health_report.hpp"

#include "wire/json.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace pricing::operations {
namespace {

// Bytes of the well-formed UTF-8 sequence at the start of text (RFC 3629); 0 when there is none.
std::size_t sequence_length(std::string_view text) {
  const auto at = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  const auto continues = [&](std::size_t i) { return (at(i) & 0xc0) == 0x80; };
  const unsigned lead = at(0);
  if (lead < 0x80)
    return 1;
  if (lead >= 0xc2 && lead <= 0xdf)
    return continues(1) ? 2 : 0;
  if (lead >= 0xe0 && lead <= 0xef) {
    const bool overlong = lead == 0xe0 && at(1) < 0xa0;
    const bool surrogate = lead == 0xed && at(1) >= 0xa0;
    const bool not_a_character = lead == 0xef && at(1) == 0xbf && at(2) >= 0xbe; // XML has no U+FFFE and U+FFFF
    return continues(1) && continues(2) && !overlong && !surrogate && !not_a_character ? 3 : 0;
  }
  if (lead >= 0xf0 && lead <= 0xf4) {
    const bool out_of_range = (lead == 0xf0 && at(1) < 0x90) || (lead == 0xf4 && at(1) >= 0x90);
    return continues(1) && continues(2) && continues(3) && !out_of_range ? 4 : 0;
  }
  return 0;
}

std::string xml(std::string_view text) {
  std::string out;
  for (const char c : text)
    switch (c) {
    case '&':
      out += "&amp;";
      break;
    case '<':
      out += "&lt;";
      break;
    case '>':
      out += "&gt;";
      break;
    case '"':
      out += "&quot;";
      break;
    default:
      out += c;
    }
  return out;
}

std::size_t count(const health_report& r, std::string_view status) {
  return static_cast<std::size_t>(
      std::count_if(r.checks.begin(), r.checks.end(), [&](const auto& c) { return c.status == status; }));
}

health_report cleaned(health_report r) {
  for (auto* text : {&r.environment, &r.url, &r.checked_at, &r.verdict})
    *text = printable(*text);
  for (auto& c : r.checks)
    for (auto* text : {&c.name, &c.status, &c.message, &c.unit})
      *text = printable(*text);
  return r;
}

std::string as_text(const health_report& r) {
  std::string out = fmt::format("{} ({}) is {}\n", r.url, r.environment, r.verdict);
  for (const auto& c : r.checks) {
    const auto value = c.value ? fmt::format("{:.1f} {}", *c.value, c.unit) : std::string();
    out += fmt::format("  {:<4}  {:<13} {}{}{}\n", c.status, c.name, value,
                       value.empty() || c.message.empty() ? "" : "  ", c.message);
  }
  return out;
}

std::string as_junit(const health_report& r) {
  const auto failed = count(r, "fail"), skipped = count(r, "skip");
  std::string out =
      fmt::format("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                  "<testsuites tests=\"{0}\" failures=\"{1}\"><testsuite name=\"health {2}\" tests=\"{0}\" "
                  "failures=\"{1}\" errors=\"0\" skipped=\"{3}\" time=\"{4:.3f}\">\n",
                  r.checks.size(), failed, xml(r.environment), skipped, r.duration_ms / 1000);
  for (const auto& c : r.checks) {
    out += fmt::format("<testcase classname=\"health\" name=\"{}\"", xml(c.name));
    if (c.status == "fail")
      out += fmt::format("><failure message=\"{}\"/></testcase>\n", xml(c.message));
    else if (c.status == "skip")
      out += fmt::format("><skipped message=\"{}\"/></testcase>\n", xml(c.message));
    else
      out += fmt::format("><system-out>{}</system-out></testcase>\n", xml(c.status + ": " + c.message));
  }
  return out + "</testsuite></testsuites>\n";
}

} // namespace

std::string verdict_of(const std::vector<health_check>& checks) {
  const auto any = [&](std::string_view status) {
    return std::any_of(checks.begin(), checks.end(), [&](const auto& c) { return c.status == status; });
  };
  return any("fail") ? "unhealthy" : any("warn") ? "degraded" : "healthy";
}

result<report_format> parse_report_format(std::string_view name) {
  if (name == "text")
    return report_format::text;
  if (name == "json")
    return report_format::json;
  if (name == "junit")
    return report_format::junit;
  return invalid_input("'" + std::string(name) + "' is not a format; choose text, json or junit");
}

std::string render(const health_report& report, report_format format) {
  const auto clean = cleaned(report);
  switch (format) {
  case report_format::json:
    return wire::encode(clean) + "\n";
  case report_format::junit:
    return as_junit(clean);
  case report_format::text:
    break;
  }
  return as_text(clean);
}

std::string printable(std::string_view text) {
  std::string out;
  for (std::size_t characters = 0; !text.empty() && characters < 300; ++characters) {
    const auto length = sequence_length(text);
    const bool control = length == 1 && (static_cast<unsigned char>(text[0]) < 0x20 || text[0] == 0x7f);
    if (length == 0 || control)
      out += control ? ' ' : '?';
    else
      out += text.substr(0, length);
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return out;
}

} // namespace pricing::operations
