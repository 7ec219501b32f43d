#pragma once
// `pricing-ctl demo-data --out FOLDER [--seed N] [--until DATE]`: the generated sample as two files.
#include "operations/demo_data.hpp"

#include <filesystem>

namespace pricing::operations {

inline constexpr const char* demo_history_name = "price_history.csv";
inline constexpr const char* demo_proposal_name = "sample_proposal.csv";

// Makes the folder when it is missing and replaces both files. Fails with unavailable when one cannot be written.
// Returns what the history holds.
result<demo_counts> write_demo_files(const std::filesystem::path& folder, const demo_options& options);

} // namespace pricing::operations
