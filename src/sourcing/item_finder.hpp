#pragma once
// Which items and suppliers of the organization a proposal names: by id, by normalized name or alias, or by likeness
// (match::same_thing_probability at or above the review threshold, same unit). One statement for all lines;
// likeness reads the items of the units in question, in pages, and compares on the CPU pool.
#include "net/cpu_pool.hpp"
#include "postgres/pool.hpp"
#include "sourcing/judge.hpp"

#include <memory>
#include <unordered_map>

namespace pricing::sourcing {

namespace asio = boost::asio;

// One element per line; nothing where the line is of no known item. invalid_input names an item_id that is not there.
asio::awaitable<result<std::vector<std::optional<known_item>>>>
find_items(postgres::pool& database, net::cpu_pool& cpu, postgres::scope s, std::shared_ptr<const proposal> p);

// Ids by the names as they stand in the proposal; unknown suppliers are absent.
asio::awaitable<result<std::unordered_map<std::string, std::int64_t>>>
find_suppliers(postgres::pool& database, postgres::scope s, std::vector<std::string> names);

} // namespace pricing::sourcing
