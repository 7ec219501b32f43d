#pragma once
#include <boost/describe.hpp>

#include <string>

namespace pricing::postgres {

// Section "postgres". A URL is what libpq accepts: "host=/run/x user=pricing_app dbname=pricing" or postgresql://…
struct config {
  std::string url = "dbname=pricing user=pricing_app";
  std::string owner_url = "dbname=pricing user=pricing_owner"; // migrations only
  int leased_max = 4;                // connections of one thread for transactions, besides the shared one
  int queue_max = 2'000;             // statements of one thread that wait or run; above it: unavailable
  int lease_wait_ms = 2'000;         // longest wait for a leased connection
  int statement_timeout_ms = 10'000; // upper bound; a nearer deadline shortens it
  int connect_timeout_ms = 5'000;
};
BOOST_DESCRIBE_STRUCT(config, (),
                      (url, owner_url, leased_max, queue_max, lease_wait_ms, statement_timeout_ms, connect_timeout_ms))

} // namespace pricing::postgres
