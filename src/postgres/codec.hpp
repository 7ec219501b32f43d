#pragma once
// C++ values to and from PostgreSQL's binary format. decimal ↔ numeric is exact (more than four fraction digits are
// rounded half away from zero); std::optional ↔ NULL; std::vector ↔ one-dimensional arrays for `unnest($1::bigint[])`.
#include "core/clock.hpp"
#include "core/decimal.hpp"
#include "core/ids.hpp"

#include <boost/describe.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <boost/mp11.hpp>

#include <bit>
#include <cstring>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace pricing::postgres {

using oid = unsigned int;

namespace oids {
inline constexpr oid boolean = 16, bytea = 17, int8 = 20, int2 = 21, int4 = 23, text = 25, json = 114, float4 = 700,
                     float8 = 701, date = 1082, timestamptz = 1184, numeric = 1700, jsonb = 3802;
} // namespace oids

// Raw bytes (bytea).
struct bytes {
  std::string value;
};

namespace detail {

template <class T>
void put(std::string& out, T value) {
  if constexpr (sizeof(T) == 2)
    value = static_cast<T>(__builtin_bswap16(static_cast<std::uint16_t>(value)));
  else if constexpr (sizeof(T) == 4)
    value = static_cast<T>(__builtin_bswap32(static_cast<std::uint32_t>(value)));
  else if constexpr (sizeof(T) == 8)
    value = static_cast<T>(__builtin_bswap64(static_cast<std::uint64_t>(value)));
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

template <class T>
T get(std::string_view in, std::size_t at = 0) {
  if (in.size() < at + sizeof(T))
    throw std::runtime_error("postgres: a value is shorter than its type");
  T value;
  std::memcpy(&value, in.data() + at, sizeof value);
  if constexpr (sizeof(T) == 2)
    return static_cast<T>(__builtin_bswap16(static_cast<std::uint16_t>(value)));
  else if constexpr (sizeof(T) == 4)
    return static_cast<T>(__builtin_bswap32(static_cast<std::uint32_t>(value)));
  else if constexpr (sizeof(T) == 8)
    return static_cast<T>(__builtin_bswap64(static_cast<std::uint64_t>(value)));
  else
    return value;
}

void put_numeric(std::string& out, decimal value);
decimal get_numeric(std::string_view in);
std::int64_t get_integer(std::string_view in); // 2, 4 or 8 bytes

inline constexpr std::chrono::sys_days epoch{std::chrono::year{2000} / 1 / 1};

} // namespace detail

// encode: the value's OID, its array's OID and its bytes. decode: from a non-null field.
template <class T>
struct codec;

template <>
struct codec<bool> {
  static constexpr oid type = oids::boolean, array = 1000;
  static void encode(std::string& out, bool v) { out.push_back(v ? 1 : 0); }
  static bool decode(std::string_view in, oid) { return !in.empty() && in[0] != 0; }
};
template <>
struct codec<std::int64_t> {
  static constexpr oid type = oids::int8, array = 1016;
  static void encode(std::string& out, std::int64_t v) { detail::put(out, v); }
  static std::int64_t decode(std::string_view in, oid) { return detail::get_integer(in); }
};
template <>
struct codec<int> {
  static constexpr oid type = oids::int4, array = 1007;
  static void encode(std::string& out, int v) { detail::put(out, v); }
  static int decode(std::string_view in, oid) { return static_cast<int>(detail::get_integer(in)); }
};
template <>
struct codec<short> {
  static constexpr oid type = oids::int2, array = 1005;
  static void encode(std::string& out, short v) { detail::put(out, v); }
  static short decode(std::string_view in, oid) { return static_cast<short>(detail::get_integer(in)); }
};
template <>
struct codec<double> {
  static constexpr oid type = oids::float8, array = 1022;
  static void encode(std::string& out, double v) { detail::put(out, std::bit_cast<std::int64_t>(v)); }
  static double decode(std::string_view in, oid from) {
    if (from == oids::numeric)
      return detail::get_numeric(in).to_double();
    if (in.size() == 4)
      return std::bit_cast<float>(detail::get<std::int32_t>(in));
    return std::bit_cast<double>(detail::get<std::int64_t>(in));
  }
};
template <>
struct codec<float> {
  static constexpr oid type = oids::float4, array = 1021;
  static void encode(std::string& out, float v) { detail::put(out, std::bit_cast<std::int32_t>(v)); }
  static float decode(std::string_view in, oid) { return std::bit_cast<float>(detail::get<std::int32_t>(in)); }
};
template <>
struct codec<std::string> {
  static constexpr oid type = oids::text, array = 1009;
  static void encode(std::string& out, std::string_view v) { out.append(v); }
  static std::string decode(std::string_view in, oid from) {
    if (from == oids::jsonb)
      in.remove_prefix(1);
    return std::string(in);
  }
};
template <>
struct codec<std::string_view> : codec<std::string> {};
template <>
struct codec<const char*> : codec<std::string> {};
template <>
struct codec<bytes> {
  static constexpr oid type = oids::bytea, array = 1001;
  static void encode(std::string& out, const bytes& v) { out.append(v.value); }
  static bytes decode(std::string_view in, oid) { return {std::string(in)}; }
};
template <>
struct codec<decimal> {
  static constexpr oid type = oids::numeric, array = 1231;
  static void encode(std::string& out, decimal v) { detail::put_numeric(out, v); }
  static decimal decode(std::string_view in, oid) { return detail::get_numeric(in); }
};
template <>
struct codec<date> {
  static constexpr oid type = oids::date, array = 1182;
  static void encode(std::string& out, date v) {
    detail::put(out, static_cast<std::int32_t>((v - detail::epoch).count()));
  }
  static date decode(std::string_view in, oid) {
    return detail::epoch + std::chrono::days(detail::get<std::int32_t>(in));
  }
};
template <>
struct codec<timestamp> {
  static constexpr oid type = oids::timestamptz, array = 1185;
  static void encode(std::string& out, timestamp v) {
    detail::put(out, static_cast<std::int64_t>((v - timestamp(detail::epoch)).count()));
  }
  static timestamp decode(std::string_view in, oid) {
    return timestamp(detail::epoch) + std::chrono::microseconds(detail::get<std::int64_t>(in));
  }
};
template <>
struct codec<std::chrono::sys_seconds> : codec<timestamp> {};
template <>
struct codec<boost::json::value> {
  static constexpr oid type = oids::jsonb, array = 3807;
  static void encode(std::string& out, const boost::json::value& v) {
    out.push_back(1);
    out.append(boost::json::serialize(v));
  }
  static boost::json::value decode(std::string_view in, oid from) {
    if (from == oids::jsonb)
      in.remove_prefix(1);
    return boost::json::parse(in);
  }
};
template <class Tag>
struct codec<id<Tag>> {
  static constexpr oid type = oids::int8, array = 1016;
  static void encode(std::string& out, id<Tag> v) { detail::put(out, v.value); }
  static id<Tag> decode(std::string_view in, oid) { return {detail::get_integer(in)}; }
};

namespace detail {
template <class T>
struct element {
  using type = T;
  static const T* get(const T& v) { return &v; }
};
template <class T>
struct element<std::optional<T>> {
  using type = T;
  static const T* get(const std::optional<T>& v) { return v ? &*v : nullptr; }
};
} // namespace detail

template <class T>
struct codec<std::vector<T>> {
  using item = typename detail::element<T>::type;
  static constexpr oid type = codec<item>::array;
  static void encode(std::string& out, const std::vector<T>& v) {
    detail::put<std::int32_t>(out, v.empty() ? 0 : 1);
    detail::put<std::int32_t>(out, 1); // may hold nulls
    detail::put<std::int32_t>(out, static_cast<std::int32_t>(codec<item>::type));
    if (v.empty())
      return;
    detail::put<std::int32_t>(out, static_cast<std::int32_t>(v.size()));
    detail::put<std::int32_t>(out, 1); // lower bound
    for (const auto& element : v) {
      const T& held = element; // vector<bool> has no references
      const item* value = detail::element<T>::get(held);
      if (!value) {
        detail::put<std::int32_t>(out, -1);
        continue;
      }
      const std::size_t at = out.size();
      detail::put<std::int32_t>(out, 0);
      codec<item>::encode(out, *value);
      std::string length;
      detail::put(length, static_cast<std::int32_t>(out.size() - at - 4));
      out.replace(at, 4, length);
    }
  }
  static std::vector<T> decode(std::string_view in, oid) {
    std::vector<T> out;
    if (detail::get<std::int32_t>(in, 0) == 0)
      return out;
    const oid of = static_cast<oid>(detail::get<std::int32_t>(in, 8));
    const auto count = detail::get<std::int32_t>(in, 12);
    std::size_t at = 20;
    out.reserve(static_cast<std::size_t>(count));
    for (std::int32_t i = 0; i < count; ++i) {
      const auto size = detail::get<std::int32_t>(in, at);
      at += 4;
      if (size < 0) {
        out.emplace_back();
        continue;
      }
      out.push_back(codec<item>::decode(in.substr(at, static_cast<std::size_t>(size)), of));
      at += static_cast<std::size_t>(size);
    }
    return out;
  }
};

// The parameters of one statement, encoded.
class parameters {
 public:
  template <class... Args>
  static parameters of(const Args&... args) {
    parameters out;
    (out.add(args), ...);
    return out;
  }
  template <class T>
  void add(const T& value) {
    using element = detail::element<T>;
    using plain = typename element::type;
    types_.push_back(codec<std::decay_t<plain>>::type);
    if (const plain* held = element::get(value)) {
      std::string encoded;
      codec<std::decay_t<plain>>::encode(encoded, *held);
      values_.push_back(std::move(encoded));
    } else {
      values_.push_back(std::nullopt);
    }
  }
  template <std::size_t N>
  void add(const char (&literal)[N]) {
    add(std::string_view(literal, N - 1));
  }
  std::span<const oid> types() const { return types_; }
  std::span<const std::optional<std::string>> values() const { return values_; }

 private:
  std::vector<oid> types_;
  std::vector<std::optional<std::string>> values_;
};

// One field of a result; `null` fields decode only into std::optional.
struct field {
  std::string_view value;
  oid type = 0;
  bool null = false;
};

template <class T>
T decode_field(const field& f, const char* name) {
  using element = detail::element<T>;
  using plain = typename element::type;
  if constexpr (std::is_same_v<T, plain>) {
    if (f.null)
      throw std::runtime_error(std::string("postgres: column ") + name + " is null");
    return codec<plain>::decode(f.value, f.type);
  } else {
    if (f.null)
      return std::nullopt;
    return codec<plain>::decode(f.value, f.type);
  }
}

// Columns by position into the members of a described struct (base classes first), or one column into a plain value.
template <class Row, class FieldAt>
Row decode_row(std::size_t columns, const FieldAt& field_at) {
  if constexpr (boost::describe::has_describe_members<Row>::value) {
    using members =
        boost::describe::describe_members<Row, boost::describe::mod_public | boost::describe::mod_inherited>;
    if (columns != boost::mp11::mp_size<members>::value)
      throw std::runtime_error("postgres: the query returns " + std::to_string(columns) + " columns, its row has " +
                               std::to_string(boost::mp11::mp_size<members>::value) + " members");
    Row row{};
    std::size_t column = 0;
    boost::mp11::mp_for_each<members>([&](auto member) {
      using type = std::remove_cvref_t<decltype(row.*member.pointer)>;
      row.*member.pointer = decode_field<type>(field_at(column), member.name);
      ++column;
    });
    return row;
  } else {
    return decode_field<Row>(field_at(0), "1");
  }
}

} // namespace pricing::postgres
