# Every third-party library, from the distribution's packages (scripts/packages.txt lists them).
set(Boost_NO_WARN_NEW_VERSIONS ON)
find_package(Boost 1.81 REQUIRED COMPONENTS json url)
find_package(Threads REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(CURL 7.85 REQUIRED)
find_package(PostgreSQL REQUIRED)
find_package(ZLIB REQUIRED)
find_package(EXPAT REQUIRED)
find_package(fmt REQUIRED)
find_package(prometheus-cpp REQUIRED COMPONENTS core)
find_package(PkgConfig REQUIRED)
pkg_check_modules(SODIUM REQUIRED IMPORTED_TARGET libsodium)
pkg_check_modules(LIBZIP REQUIRED IMPORTED_TARGET libzip)
find_library(ZSTD_LIBRARY zstd REQUIRED)
find_library(XLSXWRITER_LIBRARY xlsxwriter REQUIRED) # its pkg-config file wants more than its package brings
find_library(XGBOOST_LIBRARY xgboost REQUIRED)
find_library(DATE_TZ_LIBRARY date-tz REQUIRED) # time zones; g++ 12 has no std::chrono::time_zone yet
if(PRICING_TESTS)
  find_package(GTest REQUIRED)
endif()

# Asio and Beast are compiled once, in src/net and src/http; every user sees declarations only.
add_library(pricing_boost INTERFACE)
target_link_libraries(pricing_boost INTERFACE Boost::boost Threads::Threads)
target_compile_definitions(pricing_boost INTERFACE
  BOOST_ASIO_SEPARATE_COMPILATION BOOST_BEAST_SEPARATE_COMPILATION BOOST_ASIO_NO_DEPRECATED
  BOOST_ASIO_DISABLE_BOOST_COROUTINE)
