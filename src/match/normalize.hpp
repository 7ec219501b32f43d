#pragma once
// The canonical spelling under which texts of different files meet. Two texts with the same result are the same thing
// without further question, so every rule here must be safe: it may only remove what never tells two things apart.
// Input is UTF-8; bytes that are not UTF-8 are read as Windows-1252. Output is UTF-8, lower-case, words separated by
// one space, no leading or trailing space. Pure; never fails; may return an empty string.
#include <string>
#include <string_view>

namespace pricing::match {

// Item or service description.
//   "Mobilization, Max. ____$3306400.00"           -> "mobilization max"        (limits of money are no property)
//   "_HMA Approach, 1.5 inch"                      -> "hma approach 1.5 inch"   (decimals and fractions stay)
//   "Structures, Rem Portions (S01-3 of 12034)"    -> "structures rem portions" (reference to a single site)
//   "Curb & Gutter", "Pipe, 6\""                   -> "curb and gutter", "pipe 6 inch"
std::string normalize_item(std::string_view text);

// Company name: punctuation and the legal form at the end go ("Inc.", "LLC", "Co., Inc.", "GmbH & Co. KG"); initials
// are joined ("M. L. Chartier" -> "ml chartier"); a joint venture's partners stay apart by " / ". Returns the plain
// words when nothing but a legal form would be removed.
std::string normalize_supplier(std::string_view text);

// Unit of measure: common spellings to one lower-case code ("Foot", "ft.", "FT" -> "ft"). Only spellings that mean
// exactly the same unit; linear feet stay apart from feet squared, a US ton from a tonne.
std::string normalize_unit(std::string_view text);

// Only the letters: lower-case, without marks, fractions spelt; punctuation of ASCII stays ("KX-TG9391T" ->
// "kx-tg9391t"). What the others start from.
std::string fold_text(std::string_view text);

} // namespace pricing::match
