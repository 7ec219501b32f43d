#pragma once
// The Lua that makes a worker's steps atomic on the server. Formats of KEYS and ARGV stand above each in scripts.cpp;
// only broker.cpp calls them.
#include "redis/script.hpp"

namespace pricing::celery::scripts {

extern const redis::script reserve, finish, restore, sweep_one, park, promote, chord_part;

} // namespace pricing::celery::scripts
