#include "match/normalize.hpp"

#include <gtest/gtest.h>

using namespace pricing::match;

TEST(normalize_item, drops_limits_of_money_and_underscores) {
  EXPECT_EQ(normalize_item("Mobilization, Max. ____$3306400.00"), "mobilization max");
  EXPECT_EQ(normalize_item("Mobilization, Max $127,900.00"), "mobilization max");
  EXPECT_EQ(normalize_item("Mobilization, Max. ____41,000.000"), "mobilization max");
  EXPECT_EQ(normalize_item("Mobilization, Max$29,500"), "mobilization max");
  EXPECT_EQ(normalize_item("_Monitoring Well,  Adjust"), "monitoring well adjust");
}

TEST(normalize_item, keeps_numbers_that_tell_items_apart) {
  EXPECT_EQ(normalize_item("_HMA Approach, 1.5 inch"), "hma approach 1.5 inch");
  EXPECT_EQ(normalize_item("Aggregate, Max 12 inch"), "aggregate max 12 inch");
  EXPECT_EQ(normalize_item("Shld, Cl II, 3 1/2 inch"), "shld cl ii 3 1/2 inch");
  EXPECT_EQ(normalize_item("Conduit 1½ Inch"), "conduit 1 1/2 inch");
  EXPECT_EQ(normalize_item("Pipe, 6\""), "pipe 6 inch");
  EXPECT_NE(normalize_item("Culv, 12 inch"), normalize_item("Culv, 15 inch"));
}

TEST(normalize_item, drops_the_reference_to_a_single_site) {
  EXPECT_EQ(normalize_item("Structures, Rem Portions(S09-1 of 81075)"), "structures rem portions");
  EXPECT_EQ(normalize_item("_Bridge Cleaning (SN 1234)"), "bridge cleaning");
  EXPECT_EQ(normalize_item("Delineator (White)"), "delineator white");
  EXPECT_EQ(normalize_item("Fish habitat (Tributary of Walker)"), "fish habitat tributary of walker");
}

TEST(normalize_item, is_safe_on_any_bytes) {
  EXPECT_EQ(normalize_item("C\xF4te d'Ivoire"), "cote divoire"); // Windows-1252
  EXPECT_EQ(normalize_item("Côte d'Ivoire"), "cote divoire");    // the same in UTF-8
  EXPECT_EQ(normalize_item("Труба"), "труба");
  EXPECT_EQ(normalize_item("\xFF\xFE\x80\xC3"), "yth a");
  EXPECT_EQ(normalize_item(""), "");
  EXPECT_EQ(normalize_item("()$___"), "");
  EXPECT_EQ(normalize_item("Curb & Gutter"), "curb and gutter");
}

TEST(normalize_item, is_idempotent) {
  for (const auto* text : {"Mobilization, Max. ____$3306400.00", "Conduit 1½ Inch", "Pipe, 6\"", "A (B01 of 123) & C",
                           "Sign __\xC2\xBC Steel"})
    EXPECT_EQ(normalize_item(normalize_item(text)), normalize_item(text));
}

TEST(normalize_supplier, drops_the_legal_form) {
  EXPECT_EQ(normalize_supplier("Dan's Excavating, Inc."), "dans excavating");
  EXPECT_EQ(normalize_supplier("C. A. Hull Co., Inc."), "ca hull");
  EXPECT_EQ(normalize_supplier("M-K Construction Co., Inc."), "mk construction");
  EXPECT_EQ(normalize_supplier("Michigan Pavement Markings. LLC"), "michigan pavement markings");
  EXPECT_EQ(normalize_supplier("Cadillac Asphalt, L.L.C."), "cadillac asphalt");
  EXPECT_EQ(normalize_supplier("Abbott GmbH & Co. KG"), "abbott");
  EXPECT_EQ(normalize_supplier("The Co."), "the co");
}

TEST(normalize_supplier, keeps_partners_and_people_apart) {
  EXPECT_EQ(normalize_supplier("C. A. Hull Co., Inc./AnLaan Corporation"), "ca hull / anlaan");
  EXPECT_NE(normalize_supplier("Miller Bros. Const., Inc."), normalize_supplier("Miller Contracting, LLC"));
  EXPECT_EQ(normalize_supplier("Champagne & Marx Excavating"),
            normalize_supplier("Champagne and Marx Excavating, Inc."));
}

TEST(normalize_unit, knows_only_equal_units) {
  EXPECT_EQ(normalize_unit("Foot"), "ft");
  EXPECT_EQ(normalize_unit("FT."), "ft");
  EXPECT_EQ(normalize_unit("Sq. Yd"), "syd");
  EXPECT_EQ(normalize_unit("LUMP SUM"), "lsum");
  EXPECT_NE(normalize_unit("Ton"), normalize_unit("Tonne"));
  EXPECT_NE(normalize_unit("Ft"), normalize_unit("Lft"));
  EXPECT_EQ(normalize_unit(""), "");
}
