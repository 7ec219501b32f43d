#pragma once
// What json.hpp and json_schema.hpp both need to know about a type.
#include "core/clock.hpp"
#include "core/decimal.hpp"
#include "core/ids.hpp"
#include "wire/fields.hpp"

#include <array>
#include <boost/describe.hpp>
#include <boost/json/value.hpp>
#include <boost/mp11.hpp>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

namespace pricing::wire {

template <class T>
inline constexpr bool is_struct = boost::describe::has_describe_members<T>::value && !std::is_union_v<T>;
template <class T>
inline constexpr bool is_enum = boost::describe::has_describe_enumerators<T>::value;

template <class T>
inline constexpr bool is_id = false;
template <class Tag>
inline constexpr bool is_id<id<Tag>> = true;

template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;

template <class T>
inline constexpr bool is_defaulted = false;
template <class T, auto D>
inline constexpr bool is_defaulted<defaulted<T, D>> = true;

template <class T>
inline constexpr bool is_bounded = false;
template <class T, auto Min, auto Max>
inline constexpr bool is_bounded<bounded<T, Min, Max>> = true;

template <class T>
inline constexpr bool is_text = false;
template <std::size_t Min, std::size_t Max>
inline constexpr bool is_text<text<Min, Max>> = true;

template <class T>
inline constexpr bool is_vector = false;
template <class T>
inline constexpr bool is_vector<std::vector<T>> = true;
template <class T>
inline constexpr std::size_t list_max = 0;
template <class T, std::size_t Max>
inline constexpr bool is_vector<list<T, Max>> = true;
template <class T, std::size_t Max>
inline constexpr std::size_t list_max<list<T, Max>> = Max;

template <class T>
inline constexpr bool is_map = false;
template <class T>
inline constexpr bool is_map<std::map<std::string, T>> = true;
template <class T>
inline constexpr bool is_map<std::map<std::string, T, std::less<>>> = true;
template <class T>
inline constexpr bool is_map<std::unordered_map<std::string, T>> = true;

template <class T>
inline constexpr bool is_tuple = false;
template <class... T>
inline constexpr bool is_tuple<std::tuple<T...>> = true;
template <class A, class B>
inline constexpr bool is_tuple<std::pair<A, B>> = true;
template <class T, std::size_t N>
inline constexpr bool is_tuple<std::array<T, N>> = true;

// May the member be missing from the input?
template <class T>
inline constexpr bool may_be_absent = is_optional<T> || is_defaulted<T>;

template <class T>
using members_of = boost::describe::describe_members<T, boost::describe::mod_public | boost::describe::mod_inherited>;

// A member or enumerator named after a C++ keyword ends in '_'; its wire name does not.
constexpr std::string_view wire_name(const char* name) {
  std::string_view text(name);
  if (!text.empty() && text.back() == '_')
    text.remove_suffix(1);
  return text;
}

template <class T>
inline constexpr bool unsupported = false;

} // namespace pricing::wire
