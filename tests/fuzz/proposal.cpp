// Proposals as pasted and as files: reading ends, and what is read keeps the limits that judging relies on.
#include "sourcing/proposal_reader.hpp"

#include "fuzz/must.hpp"

using namespace pricing;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string input(reinterpret_cast<const char*>(data), size);
  sourcing::reading_options options;
  options.today = date(std::chrono::days(20'000));
  for (const bool pasted : {true, false}) {
    const auto read = pasted ? sourcing::read_text(input, options) : sourcing::read_file(input, "quote.csv", options);
    if (!read) {
      must(!read.error().message.empty());
      continue;
    }
    if (!sourcing::check(read->content))
      continue;
    must(!read->content.lines.empty() && read->content.lines.size() <= sourcing::lines_max);
    for (const auto& line : read->content.lines)
      must(line.prices.size() <= sourcing::bidders_max && (line.item_id || line.description));
  }
  return 0;
}
