#pragma once
// JSON Schema (2020-12, as OpenAPI 3.1 uses it) from the structs that json.hpp decodes.
#include "wire/reflect.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <functional>
#include <limits>
#include <string>
#include <typeinfo>

namespace pricing::wire {

// "pricing::catalog::item_row" → "catalog_item_row"; a template's arguments are joined in.
std::string schema_name(const std::type_info& type);

// Named schemas of every struct met so far, for "#/components/schemas/…".
class schema_set {
 public:
  // The schema of T: inline for fields, a $ref for structs.
  template <class T>
  boost::json::object of();
  const boost::json::object& schemas() const { return schemas_; }

 private:
  template <class T>
  boost::json::object describe();
  template <class T>
  void add_struct(const std::string& name);

  boost::json::object schemas_;
};

namespace detail {
boost::json::object integer_schema(std::int64_t min, std::uint64_t max);
boost::json::object typed(std::string_view type, std::string_view format = {});
boost::json::object decimal_schema();
boost::json::object nullable(boost::json::object inner);
} // namespace detail

template <class T>
boost::json::object schema_set::of() {
  if constexpr (is_struct<T> && !is_defaulted<T>) {
    const auto name = schema_name(typeid(T));
    if (!schemas_.contains(name))
      add_struct<T>(name);
    return {{"$ref", "#/components/schemas/" + name}};
  } else {
    return describe<T>();
  }
}

template <class T>
void schema_set::add_struct(const std::string& name) {
  schemas_[name] = boost::json::object{}; // breaks recursion
  boost::json::object properties;
  boost::json::array required;
  boost::mp11::mp_for_each<members_of<T>>([&](auto m) {
    using M = std::remove_cvref_t<decltype(std::declval<T&>().*m.pointer)>;
    properties[wire_name(m.name)] = of<M>();
    if (!may_be_absent<M>)
      required.emplace_back(wire_name(m.name));
  });
  boost::json::object schema{{"type", "object"}, {"properties", std::move(properties)}};
  if (!required.empty())
    schema["required"] = std::move(required);
  schemas_[name] = std::move(schema);
}

namespace detail {

template <class T, auto Min, auto Max>
boost::json::object bounded_schema(const bounded<T, Min, Max>*) {
  if constexpr (std::is_integral_v<T>)
    return integer_schema(static_cast<std::int64_t>(Min), static_cast<std::uint64_t>(Max));
  return {{"type", "number"}, {"minimum", static_cast<double>(Min)}, {"maximum", static_cast<double>(Max)}};
}
template <std::size_t Min, std::size_t Max>
boost::json::object text_schema(const text<Min, Max>*) {
  return {{"type", "string"}, {"minLength", Min}, {"maxLength", Max}};
}
template <class T, auto D>
T default_inner(const defaulted<T, D>*);

} // namespace detail

template <class T>
boost::json::object schema_set::describe() {
  if constexpr (std::is_same_v<T, boost::json::value>) {
    return {};
  } else if constexpr (std::is_same_v<T, boost::json::object>) {
    return detail::typed("object");
  } else if constexpr (is_optional<T>) {
    return detail::nullable(of<typename T::value_type>());
  } else if constexpr (is_defaulted<T>) {
    return of<decltype(detail::default_inner(static_cast<T*>(nullptr)))>();
  } else if constexpr (is_bounded<T>) {
    return detail::bounded_schema(static_cast<const T*>(nullptr));
  } else if constexpr (is_text<T>) {
    return detail::text_schema(static_cast<const T*>(nullptr));
  } else if constexpr (std::is_same_v<T, email>) {
    return detail::typed("string", "email");
  } else if constexpr (std::is_same_v<T, bool>) {
    return detail::typed("boolean");
  } else if constexpr (std::is_convertible_v<const T&, std::string_view>) {
    return detail::typed("string");
  } else if constexpr (std::is_same_v<T, decimal>) {
    return detail::decimal_schema();
  } else if constexpr (std::is_same_v<T, date>) {
    return detail::typed("string", "date");
  } else if constexpr (std::is_same_v<T, timestamp>) {
    return detail::typed("string", "date-time");
  } else if constexpr (is_id<T>) {
    return detail::integer_schema(1, static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()));
  } else if constexpr (std::is_integral_v<T>) {
    return detail::typed("integer");
  } else if constexpr (std::is_floating_point_v<T>) {
    return detail::typed("number");
  } else if constexpr (is_enum<T>) {
    boost::json::array names;
    boost::mp11::mp_for_each<boost::describe::describe_enumerators<T>>(
        [&](auto e) { names.emplace_back(wire_name(e.name)); });
    return {{"type", "string"}, {"enum", std::move(names)}};
  } else if constexpr (is_vector<T>) {
    boost::json::object schema{{"type", "array"}, {"items", of<typename T::value_type>()}};
    if (list_max < T >> 0)
      schema["maxItems"] = list_max<T>;
    return schema;
  } else if constexpr (is_map<T>) {
    return {{"type", "object"}, {"additionalProperties", of<typename T::mapped_type>()}};
  } else if constexpr (is_tuple<T>) {
    boost::json::array items;
    boost::mp11::mp_for_each<boost::mp11::mp_iota_c<std::tuple_size_v<T>>>(
        [&](auto i) { items.push_back(of<std::tuple_element_t<i, T>>()); });
    return {{"type", "array"}, {"prefixItems", std::move(items)}, {"items", false}};
  } else {
    static_assert(unsupported<T>, "describe this type with BOOST_DESCRIBE_STRUCT or BOOST_DESCRIBE_ENUM");
  }
}

} // namespace pricing::wire
