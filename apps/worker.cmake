add_executable(pricing-worker worker.cpp worker_metrics.cpp worker_tasks.cpp follow_up.cpp)
target_link_libraries(pricing-worker PRIVATE pricing_celery pricing_jobs pricing_market pricing_learn pricing_models
                                             pricing_ingest pricing_insight pricing_reports pricing_watch
                                             pricing_storage pricing_operations)
