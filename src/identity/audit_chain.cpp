#include "identity/audit_chain.hpp"

#include <sodium.h>

#include <fmt/format.h>

#include <fstream>

namespace pricing::identity {
namespace {

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

std::string hex(std::span<const unsigned char> bytes) {
  std::string out(bytes.size() * 2 + 1, '\0');
  sodium_bin2hex(out.data(), out.size(), bytes.data(), bytes.size());
  out.pop_back();
  return out;
}

std::string signature_of(const secret_key& key, organization_id organization, const audit_link& head) {
  const auto derived = key.derive("pricing: audit head");
  const auto text = fmt::format("{}/{}/{}", organization.value, head.id, head.hash);
  std::array<unsigned char, crypto_auth_BYTES> out;
  crypto_auth(out.data(), bytes_of(text), text.size(), derived.data());
  return key.id() + ":" + hex(out);
}

struct event_row {
  std::int64_t id = 0;
  postgres::bytes previous;
  postgres::bytes hash;
  std::string content;
};
BOOST_DESCRIBE_STRUCT(event_row, (), (id, previous, hash, content))

// The content exactly as the trigger chain_audit_event wrote it; the hash itself is computed here, not by the database.
constexpr auto events_sql =
    "select id, coalesce(previous_hash, ''), hash, concat_ws(chr(31), organization_id, id, extract(epoch from at), "
    "coalesce(user_id, 0), action, subject_type, coalesce(subject_id, ''), coalesce(before::text, ''), "
    "coalesce(after::text, ''), coalesce(request_id, ''), coalesce(address, '')) from audit_events "
    "where organization_id = $1 and id > $2 order by id limit $3";

std::string hash_of(const event_row& e) {
  const std::string text = e.previous.value + e.content;
  std::array<unsigned char, crypto_hash_sha256_BYTES> digest;
  crypto_hash_sha256(digest.data(), bytes_of(text), text.size());
  return {digest.begin(), digest.end()};
}

std::string hex(const std::string& bytes) {
  return hex(std::span(bytes_of(bytes), bytes.size()));
}

struct head_row {
  std::int64_t id = 0;
  std::string hash;
  std::string signature;
};
BOOST_DESCRIBE_STRUCT(head_row, (), (id, hash, signature))

constexpr auto head_sql = "select event_id, encode(hash, 'hex'), signature from audit_heads where organization_id = $1";

// A head that was seen and whether the chain still has it.
struct expected_head {
  audit_link link;
  const char* whose;
  bool met = false;
};

std::optional<audit_break> break_at(const event_row& e, const std::string& before, std::int64_t before_id,
                                    std::vector<expected_head>& heads) {
  if (e.previous.value != before)
    return audit_break{e.id, before_id == 0 ? "the events before it were removed"
                                            : fmt::format("it does not follow event {}: events between them were "
                                                          "removed, or that one was rewritten",
                                                          before_id)};
  if (hash_of(e) != e.hash.value)
    return audit_break{e.id, "its content does not match its hash: it was changed"};
  for (auto& head : heads) {
    if (head.link.id != e.id)
      continue;
    if (head.link.hash != hex(e.hash.value))
      return audit_break{e.id, fmt::format("it is not the event of the {} head: the chain was rewritten", head.whose)};
    head.met = true;
  }
  return std::nullopt;
}

// What the end of the chain does not show by itself.
std::optional<audit_break> break_of_heads(const key_ring& keys, organization_id organization,
                                          const std::vector<head_row>& stored, const std::vector<expected_head>& heads,
                                          const audit_report& seen) {
  const std::int64_t last = seen.last ? seen.last->id : 0;
  for (const auto& head : heads)
    if (!head.met)
      return audit_break{head.link.id, fmt::format("it is the {} head but is gone: the events after {} were removed",
                                                   head.whose, last)};
  if (stored.empty() && seen.events > 0)
    return audit_break{last,
                       "the chain has no signed head: it was removed, or nothing was written since heads are signed"};
  if (!stored.empty() && !is_signed_audit_head(keys, organization, {stored[0].id, stored[0].hash}, stored[0].signature))
    return audit_break{stored[0].id, "the signature of the head is wrong, or its secret is no longer kept"};
  return std::nullopt;
}

} // namespace

std::string sign_audit_head(const key_ring& keys, organization_id organization, const audit_link& head) {
  return signature_of(keys.newest(), organization, head);
}

bool is_signed_audit_head(const key_ring& keys, organization_id organization, const audit_link& head,
                          std::string_view signature) {
  const auto* key = keys.find(signature.substr(0, signature.find(':')));
  if (!key)
    return false;
  const auto right = signature_of(*key, organization, head);
  return right.size() == signature.size() && sodium_memcmp(right.data(), signature.data(), right.size()) == 0;
}

audit_report verify_audit_chain(postgres::session& session, const key_ring& keys, organization_id organization,
                                const std::optional<audit_link>& remembered) {
  constexpr int page = 5'000;
  audit_report out;
  std::vector<expected_head> heads;
  if (remembered)
    heads.push_back({*remembered, "remembered"});
  session.begin(organization);
  // The head first: events that come while we read only make the chain longer.
  const auto head = session.query<head_row>(head_sql, organization);
  session.commit();
  if (!head.empty())
    heads.push_back({{head[0].id, head[0].hash}, "signed"});
  std::string before;
  std::int64_t last = 0;
  for (;;) {
    session.begin(organization);
    const auto events = session.query<event_row>(events_sql, organization, last, page);
    session.commit();
    for (const auto& e : events) {
      if ((out.broken = break_at(e, before, last, heads)))
        return out;
      ++out.events;
      last = e.id;
      before = e.hash.value;
    }
    if (events.size() < page)
      break;
  }
  if (out.events > 0)
    out.last = audit_link{last, hex(before)};
  out.broken = break_of_heads(keys, organization, head, heads, out);
  return out;
}

std::map<std::int64_t, audit_link> read_audit_heads(const std::filesystem::path& file) {
  std::map<std::int64_t, audit_link> out;
  if (!std::filesystem::exists(file))
    return out;
  std::ifstream in(file);
  std::int64_t organization = 0;
  audit_link head;
  while (in >> organization >> head.id >> head.hash)
    out[organization] = head;
  if (!in.eof())
    throw std::runtime_error("cannot read the audit heads in " + file.string());
  return out;
}

void write_audit_heads(const std::filesystem::path& file, const std::map<std::int64_t, audit_link>& heads) {
  const std::filesystem::path next = file.string() + ".new";
  {
    std::ofstream out(next);
    for (const auto& [organization, head] : heads)
      out << organization << ' ' << head.id << ' ' << head.hash << '\n';
    if (!out.flush())
      throw std::runtime_error("cannot write " + next.string());
  }
  std::filesystem::rename(next, file);
}

} // namespace pricing::identity
