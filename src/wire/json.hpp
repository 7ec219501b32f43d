#pragma once
// Described structs to and from JSON. Every wrong field is reported with its path ("lines[3].quantity") and what to do
// about it; limits live in the field types (fields.hpp).
//
//   struct line { text<1, 200> description; decimal quantity; std::optional<item_id> item_id; };
//   BOOST_DESCRIBE_STRUCT(line, (), (description, quantity, item_id))
//   result<line> l = wire::decode_json<line>(R"({"description":"Asphalt","quantity":"12.5"})");
//   std::string text = wire::encode(*l);
//
// Shapes: decimal ↔ string (a number is accepted), date ↔ "YYYY-MM-DD", timestamp ↔ ISO 8601 UTC, id ↔ number,
// described enum ↔ its enumerator's name, optional ↔ null or absent, vector/list ↔ array, map<string, T> ↔ object,
// tuple/pair/array ↔ array of fixed length, boost::json::value ↔ anything. Members are required unless optional or
// defaulted.
#include "core/error.hpp"
#include "wire/reflect.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <charconv>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

namespace pricing::wire {

struct decode_options {
  bool reject_unknown = false;        // unknown members are an error instead of being ignored
  std::size_t errors_max = 20;        // stop collecting after so many
  std::size_t elements_max = 100'000; // of any array or map without a smaller limit of its own
};

// Where in the input we are; lives on the stack of the decoder, printed only when something is wrong.
struct json_path {
  const json_path* parent = nullptr;
  std::string_view name{};
  std::size_t index = 0;
  std::string to_string() const;
};

class decoder {
 public:
  explicit decoder(decode_options options = {}) : options_(options) {}
  const decode_options& options() const { return options_; }
  void fail(const json_path& where, std::string message);
  bool failed() const { return !errors_.empty(); }
  bool full() const { return errors_.size() >= options_.errors_max; }
  // invalid_input whose message is the first wrong field.
  error take_error();

 private:
  decode_options options_;
  std::vector<field_error> errors_;
};

// Strict JSON text (UTF-8, nesting at most 32); numbers as in exact_json.hpp.
// invalid_input names the byte where it stops being JSON.
result<boost::json::value> parse_json(std::string_view text);

namespace detail {
// The non-template halves; each reports to `d` and returns false on a wrong value.
bool read_bool(decoder& d, const json_path& at, const boost::json::value& v, bool& out);
bool read_int(decoder& d, const json_path& at, const boost::json::value& v, std::int64_t min, std::uint64_t max,
              std::int64_t& out);
bool read_double(decoder& d, const json_path& at, const boost::json::value& v, double& out);
bool read_string(decoder& d, const json_path& at, const boost::json::value& v, std::string& out);
bool read_text(decoder& d, const json_path& at, const boost::json::value& v, std::size_t min, std::size_t max,
               std::string& out);
bool read_email(decoder& d, const json_path& at, const boost::json::value& v, std::string& out);
bool read_decimal(decoder& d, const json_path& at, const boost::json::value& v, decimal& out);
bool read_date(decoder& d, const json_path& at, const boost::json::value& v, date& out);
bool read_timestamp(decoder& d, const json_path& at, const boost::json::value& v, timestamp& out);
const boost::json::object* read_object(decoder& d, const json_path& at, const boost::json::value& v);
const boost::json::array* read_array(decoder& d, const json_path& at, const boost::json::value& v, std::size_t max);
void wrong_enum(decoder& d, const json_path& at, const boost::json::value& v, const std::string& allowed);
void wrong_range(decoder& d, const json_path& at, const std::string& min, const std::string& max);
void unknown_members(decoder& d, const json_path& at, const boost::json::object& o, const std::string_view* names,
                     std::size_t count);
// A number of text for query and path parameters; anything else stays a string.
boost::json::value value_of_text(std::string_view text, bool numeric, bool boolean);

void write_string(std::string& out, std::string_view text);
void write_double(std::string& out, double v);
void write_int(std::string& out, std::int64_t v);
void write_uint(std::string& out, std::uint64_t v);
void write_value(std::string& out, const boost::json::value& v);
} // namespace detail

// "2024-01-05T10:20:30[.123456]Z"; an offset such as +02:00 is accepted.
result<timestamp> parse_timestamp(std::string_view iso);

template <class T>
void decode_into(decoder& d, const json_path& at, const boost::json::value& v, T& out);

namespace detail {

template <class T>
void decode_enum(decoder& d, const json_path& at, const boost::json::value& v, T& out) {
  bool found = false;
  std::string allowed;
  boost::mp11::mp_for_each<boost::describe::describe_enumerators<T>>([&](auto e) {
    if (v.is_string() && v.get_string() == wire_name(e.name))
      out = e.value, found = true;
  });
  if (found)
    return;
  boost::mp11::mp_for_each<boost::describe::describe_enumerators<T>>(
      [&](auto e) { allowed += (allowed.empty() ? "" : ", ") + std::string(wire_name(e.name)); });
  wrong_enum(d, at, v, allowed);
}

template <class T>
void decode_struct(decoder& d, const json_path& at, const boost::json::value& v, T& out) {
  const auto* object = read_object(d, at, v);
  if (!object)
    return;
  boost::mp11::mp_for_each<members_of<T>>([&](auto member) {
    using M = std::remove_cvref_t<decltype(out.*member.pointer)>;
    if (d.full())
      return;
    const auto name = wire_name(member.name);
    const json_path here{&at, name};
    if (const auto* found = object->if_contains(name))
      decode_into(d, here, *found, out.*member.pointer);
    else if constexpr (!may_be_absent<M>)
      d.fail(here, "is required");
  });
  if (d.options().reject_unknown) {
    std::array<std::string_view, boost::mp11::mp_size<members_of<T>>::value + 1> names{};
    std::size_t n = 0;
    boost::mp11::mp_for_each<members_of<T>>([&](auto member) { names[n++] = wire_name(member.name); });
    unknown_members(d, at, *object, names.data(), n);
  }
}

template <class T>
void decode_elements(decoder& d, const json_path& at, const boost::json::value& v, T& out) {
  const auto* array = read_array(d, at, v, list_max<T> ? list_max<T> : d.options().elements_max);
  if (!array)
    return;
  out.clear();
  out.reserve(array->size());
  for (std::size_t i = 0; i < array->size() && !d.full(); ++i) {
    typename T::value_type element{};
    decode_into(d, json_path{&at, {}, i}, (*array)[i], element);
    out.push_back(std::move(element));
  }
}

template <class T>
void decode_tuple(decoder& d, const json_path& at, const boost::json::value& v, T& out) {
  constexpr auto size = std::tuple_size_v<T>;
  const auto* array = read_array(d, at, v, size);
  if (!array)
    return;
  if (array->size() != size)
    return d.fail(at, "must have exactly " + std::to_string(size) + " elements");
  boost::mp11::mp_for_each<boost::mp11::mp_iota_c<size>>([&](auto i) {
    decode_into(d, json_path{&at, {}, i}, (*array)[i], std::get<i>(out));
  });
}

} // namespace detail

// Decodes one value; wrong fields are collected in `d`, `out` is then unspecified.
template <class T>
void decode_into(decoder& d, const json_path& at, const boost::json::value& v, T& out) {
  if constexpr (std::is_same_v<T, boost::json::value>) {
    out = v;
  } else if constexpr (is_optional<T>) {
    if (v.is_null())
      out.reset();
    else
      decode_into(d, at, v, out.emplace());
  } else if constexpr (is_defaulted<T>) {
    if (!v.is_null())
      decode_into(d, at, v, out.value);
  } else if constexpr (is_bounded<T>) {
    decode_bounded(d, at, v, out);
  } else if constexpr (is_text<T>) {
    decode_limited_text(d, at, v, out);
  } else if constexpr (std::is_same_v<T, email>) {
    detail::read_email(d, at, v, out.value);
  } else if constexpr (std::is_same_v<T, bool>) {
    detail::read_bool(d, at, v, out);
  } else if constexpr (std::is_same_v<T, std::string>) {
    detail::read_string(d, at, v, out);
  } else if constexpr (std::is_same_v<T, decimal>) {
    detail::read_decimal(d, at, v, out);
  } else if constexpr (std::is_same_v<T, date>) {
    detail::read_date(d, at, v, out);
  } else if constexpr (std::is_same_v<T, timestamp>) {
    detail::read_timestamp(d, at, v, out);
  } else if constexpr (is_id<T>) {
    detail::read_int(d, at, v, 1, std::numeric_limits<std::int64_t>::max(), out.value);
  } else if constexpr (std::is_integral_v<T>) {
    std::int64_t n = 0;
    if (detail::read_int(d, at, v, static_cast<std::int64_t>(std::numeric_limits<T>::min()),
                         static_cast<std::uint64_t>(std::numeric_limits<T>::max()), n))
      out = static_cast<T>(n);
  } else if constexpr (std::is_floating_point_v<T>) {
    double n = 0;
    if (detail::read_double(d, at, v, n))
      out = static_cast<T>(n);
  } else if constexpr (is_enum<T>) {
    detail::decode_enum(d, at, v, out);
  } else if constexpr (is_vector<T>) {
    detail::decode_elements(d, at, v, out);
  } else if constexpr (is_map<T>) {
    if (const auto* object = detail::read_object(d, at, v)) {
      if (object->size() > d.options().elements_max)
        return d.fail(at, "has too many members");
      for (const auto& [name, element] : *object)
        if (!d.full())
          decode_into(d, json_path{&at, name}, element, out[std::string(name)]);
    }
  } else if constexpr (is_tuple<T>) {
    detail::decode_tuple(d, at, v, out);
  } else if constexpr (is_struct<T>) {
    detail::decode_struct(d, at, v, out);
  } else {
    static_assert(unsupported<T>, "describe this type with BOOST_DESCRIBE_STRUCT or BOOST_DESCRIBE_ENUM");
  }
}

template <class T, auto Min, auto Max>
void decode_bounded(decoder& d, const json_path& at, const boost::json::value& v, bounded<T, Min, Max>& out) {
  if constexpr (std::is_integral_v<T>) {
    std::int64_t n = 0;
    if (detail::read_int(d, at, v, static_cast<std::int64_t>(Min), static_cast<std::uint64_t>(Max), n))
      out.value = static_cast<T>(n);
  } else {
    double n = 0;
    if (!detail::read_double(d, at, v, n))
      return;
    out.value = static_cast<T>(n);
    if (!(n >= static_cast<double>(Min) && n <= static_cast<double>(Max)))
      detail::wrong_range(d, at, std::to_string(Min), std::to_string(Max));
  }
}

template <std::size_t Min, std::size_t Max>
void decode_limited_text(decoder& d, const json_path& at, const boost::json::value& v, text<Min, Max>& out) {
  detail::read_text(d, at, v, Min, Max, out.value);
}

// A query or path parameter: text that must read as T. A vector takes a comma-separated list.
template <class T>
void decode_text(decoder& d, const json_path& at, std::string_view source, T& out) {
  if constexpr (is_optional<T>) {
    if (!source.empty())
      decode_text(d, at, source, out.emplace());
  } else if constexpr (is_defaulted<T>) {
    if (!source.empty())
      decode_text(d, at, source, out.value);
  } else if constexpr (is_vector<T>) {
    boost::json::array parts;
    for (std::size_t from = 0; from <= source.size() && !source.empty();) {
      const auto comma = std::min(source.find(',', from), source.size());
      parts.push_back(detail::value_of_text(source.substr(from, comma - from),
                                            std::is_arithmetic_v<typename T::value_type> ||
                                                is_id<typename T::value_type> || is_bounded<typename T::value_type>,
                                            false));
      from = comma + 1;
    }
    decode_into(d, at, parts, out);
  } else {
    constexpr bool boolean = std::is_same_v<T, bool>;
    constexpr bool numeric = !boolean && (std::is_arithmetic_v<T> || is_id<T> || is_bounded<T>);
    decode_into(d, at, detail::value_of_text(source, numeric, boolean), out);
  }
}

template <class T>
result<T> decode(const boost::json::value& v, decode_options options = {}) {
  decoder d(options);
  T out{};
  decode_into(d, json_path{}, v, out);
  if (d.failed())
    return d.take_error();
  return out;
}

template <class T>
result<T> decode_json(std::string_view text, decode_options options = {}) {
  auto v = parse_json(text);
  if (!v)
    return v.error();
  return decode<T>(*v, options);
}

// Appends the JSON of `v`. NaN and infinities become null.
template <class T>
void encode_to(std::string& out, const T& v) {
  if constexpr (std::is_same_v<T, boost::json::value>) {
    detail::write_value(out, v);
  } else if constexpr (std::is_same_v<T, boost::json::object> || std::is_same_v<T, boost::json::array>) {
    detail::write_value(out, boost::json::value(v));
  } else if constexpr (is_optional<T>) {
    if (v)
      encode_to(out, *v);
    else
      out += "null";
  } else if constexpr (is_defaulted<T> || is_bounded<T>) {
    encode_to(out, v.value);
  } else if constexpr (is_text<T> || std::is_same_v<T, email>) {
    detail::write_string(out, v.value);
  } else if constexpr (std::is_same_v<T, bool>) {
    out += v ? "true" : "false";
  } else if constexpr (std::is_convertible_v<const T&, std::string_view>) {
    detail::write_string(out, v);
  } else if constexpr (std::is_same_v<T, decimal>) {
    out += '"';
    out += v.to_string();
    out += '"';
  } else if constexpr (std::is_same_v<T, date> || std::is_same_v<T, timestamp>) {
    out += '"';
    out += pricing::to_string(v);
    out += '"';
  } else if constexpr (is_id<T>) {
    detail::write_int(out, v.value);
  } else if constexpr (std::is_integral_v<T> && std::is_signed_v<T>) {
    detail::write_int(out, v);
  } else if constexpr (std::is_integral_v<T>) {
    detail::write_uint(out, v);
  } else if constexpr (std::is_floating_point_v<T>) {
    detail::write_double(out, v);
  } else if constexpr (is_enum<T>) {
    const char* name = "";
    boost::mp11::mp_for_each<boost::describe::describe_enumerators<T>>([&](auto e) {
      if (e.value == v)
        name = e.name;
    });
    detail::write_string(out, wire_name(name));
  } else if constexpr (is_vector<T>) {
    out += '[';
    bool first = true;
    for (const auto& element : v) {
      if (!std::exchange(first, false))
        out += ',';
      encode_to(out, static_cast<const typename T::value_type&>(element));
    }
    out += ']';
  } else if constexpr (is_map<T>) {
    out += '{';
    bool first = true;
    for (const auto& [name, element] : v) {
      if (!std::exchange(first, false))
        out += ',';
      detail::write_string(out, name);
      out += ':';
      encode_to(out, element);
    }
    out += '}';
  } else if constexpr (is_tuple<T>) {
    out += '[';
    bool first = true;
    std::apply(
        [&](const auto&... element) {
          ((std::exchange(first, false) ? void() : void(out += ','), encode_to(out, element)), ...);
        },
        v);
    out += ']';
  } else if constexpr (is_struct<T>) {
    out += '{';
    bool first = true;
    boost::mp11::mp_for_each<members_of<T>>([&](auto member) {
      if (!std::exchange(first, false))
        out += ',';
      out += '"';
      out += wire_name(member.name);
      out += "\":";
      encode_to(out, v.*member.pointer);
    });
    out += '}';
  } else {
    static_assert(unsupported<T>, "describe this type with BOOST_DESCRIBE_STRUCT or BOOST_DESCRIBE_ENUM");
  }
}

template <class T>
std::string encode(const T& v) {
  std::string out;
  encode_to(out, v);
  return out;
}

// The same as a value, for jsonb parameters built of several parts.
template <class T>
boost::json::value to_value(const T& v) {
  return parse_json(encode(v)).value();
}

} // namespace pricing::wire
