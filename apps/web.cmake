add_executable(pricing-web web.cpp)
target_link_libraries(pricing-web PRIVATE pricing_identity pricing_ingest pricing_jobs pricing_catalog pricing_market
                                          pricing_models pricing_serving pricing_sourcing pricing_insight pricing_reports pricing_watch pricing_storage)
