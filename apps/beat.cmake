add_executable(pricing-beat beat.cpp)
target_link_libraries(pricing-beat PRIVATE pricing_jobs)
