// Bodies of inference requests: whatever is read is a full table of the rows and columns it claims, within limits.
#include "fuzz/must.hpp"
#include "serving/tensor_json.hpp"

using namespace pricing;

namespace {

constexpr serving::parse_limits limits{.values_max = 1'000, .inputs_max = 50};

int check(const result<serving::inference_request>& read) {
  if (!read)
    return must(!read.error().message.empty());
  must(read->values.size() <= limits.values_max && read->values.size() == read->rows * read->columns);
  return must(read->names.empty() || read->names.size() == read->columns || read->names.size() == 1);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check(serving::parse_infer(text, limits));
  return check(serving::parse_predict(text, limits));
}
