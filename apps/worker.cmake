add_executable(pricing-worker worker.cpp)
target_link_libraries(pricing-worker PRIVATE pricing_jobs pricing_market pricing_ingest)
