find_package(CLI11 REQUIRED)
add_executable(pricing-ctl ctl.cpp follow_up.cpp)
target_link_libraries(pricing-ctl PRIVATE pricing_identity pricing_ingest pricing_market pricing_learn pricing_models pricing_serving pricing_reports pricing_watch
                                          pricing_operations
                                          CLI11::CLI11)
