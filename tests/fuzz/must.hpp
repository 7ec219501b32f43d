#pragma once
// A promise that every input keeps; libFuzzer keeps the input that breaks it.
namespace pricing {

inline int must(bool kept) {
  if (!kept)
    __builtin_trap();
  return 0;
}

} // namespace pricing
