// Bodies of requests: whatever decodes is encoded to text that decodes to the same, and an error names a path.
#include "wire/json.hpp"
#include "core/clock.hpp"
#include "core/decimal.hpp"
#include "fuzz/must.hpp"
#include "wire/cursor.hpp"
#include "wire/fields.hpp"

#include <boost/describe.hpp>

#include <map>

using namespace pricing;

namespace {

enum class colour { red, green };
BOOST_DESCRIBE_ENUM(colour, red, green)

struct part {
  wire::text<1, 20> name;
  std::optional<decimal> price;
  std::optional<date> on;
};
BOOST_DESCRIBE_STRUCT(part, (), (name, price, on))

struct whole {
  wire::defaulted<wire::bounded<int, 1, 9>, wire::bounded<int, 1, 9>{3}> count;
  colour paint = colour::red;
  std::optional<timestamp> at;
  double share = 0;
  wire::list<part, 5> parts;
  std::map<std::string, std::int64_t> numbers;
  boost::json::value rest;
};
BOOST_DESCRIBE_STRUCT(whole, (), (count, paint, at, share, parts, numbers, rest))

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  static_cast<void>(wire::decode_cursor<part>(text));
  const auto decoded = wire::decode_json<whole>(text);
  if (!decoded)
    return must(!decoded.error().message.empty());
  must(decoded->parts.size() <= 5);
  const std::string once = wire::encode(*decoded);
  const auto again = wire::decode_json<whole>(once);
  must(again.has_value());
  return must(wire::encode(*again) == once);
}
