add_executable(pricing-ml ml.cpp)
target_link_libraries(pricing-ml PRIVATE pricing_learn pricing_models pricing_insight pricing_serving
                                         pricing_identity pricing_storage)
