// Task messages and control messages from strangers: whatever parses can be sent again and is the same task then, and
// what is to follow it can be planned or is refused. The first byte says what the rest is: an envelope, a body that an
// envelope of ours carries, a control message.
#include "celery/control_message.hpp"
#include "celery/message.hpp"
#include "celery/signature.hpp"
#include "fuzz/must.hpp"

using namespace pricing;
using namespace pricing::celery;

namespace {

constexpr message_limits limits{.envelope_bytes_max = 1 << 20, .body_bytes_max = 1 << 18, .depth_max = 64};

// Canvas that only names itself: every plan is finite.
void plan(const boost::json::value& v) {
  const auto s = parse_signature(v);
  if (!s)
    return static_cast<void>(must(!s.error().message.empty()));
  if (const auto planned = apply(*s, {1}, {}); planned)
    must(planned->messages.size() <= 100'000);
}

void follow(const message& m) {
  for (const auto* list : {m.callbacks(), m.errbacks(), m.chain()})
    if (list)
      for (const auto& v : *list)
        plan(v);
  if (const auto* chord = m.chord())
    plan(*chord);
}

void envelope(const std::string& text) {
  const auto m = message::parse(text, limits);
  if (!m)
    return static_cast<void>(must(!m.error().message.empty()));
  if (m->problem)
    return static_cast<void>(must(!m->problem->message.empty()));
  follow(*m);
  const auto again = message::parse(mark_redelivered(text), limits);
  must(again && again->redelivered && again->id == m->id);
  const auto sent = message::parse(encode(resend(*m)), {.depth_max = 70});
  must(sent && sent->task == m->task && sent->id == m->id && sent->args() == m->args() &&
       sent->kwargs() == m->kwargs());
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0)
    return 0;
  const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (data[0] == 'e')
    envelope(text);
  else if (data[0] == 'b')
    envelope(encode({.task = "a", .id = "b", .queue = "c", .body = text}));
  else if (data[0] == 'c')
    static_cast<void>(parse_control(text));
  else
    static_cast<void>(parse_plain(text));
  return 0;
}
