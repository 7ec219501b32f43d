#pragma once
#include <boost/describe.hpp>

#include <string>

namespace pricing::postgres {

// Section "postgres". A URL is what libpq accepts: "host=/run/x user=pricing_app dbname=pricing" or postgresql://…
struct config {
  std::string url = "dbname=pricing user=pricing_app";
  std::string owner_url = "dbname=pricing user=pricing_owner"; // migrations only
  int shared_connections = 2;                                  // of one thread, for single statements
  int pipeline_max = 16;             // statements on the way over one of them; more wait their turn
  int leased_max = 4;                // connections of one thread for transactions, besides the shared ones
  int queue_max = 2'000;             // statements of one thread that wait or run; above it: unavailable
  int wait_ms = 2'000;               // longest wait for a turn or a leased connection; after it: unavailable
  int statement_timeout_ms = 10'000; // upper bound; a nearer deadline shortens it
  int connect_timeout_ms = 5'000;
};
BOOST_DESCRIBE_STRUCT(config, (),
                      (url, owner_url, shared_connections, pipeline_max, leased_max, queue_max, wait_ms,
                       statement_timeout_ms, connect_timeout_ms))

} // namespace pricing::postgres
