#include "follow_up.hpp"

#include "jobs/job_queue.hpp"
#include "product_tasks.hpp"

namespace pricing {

void follow_change(postgres::session& session, organization_id organization) {
  jobs::job_queue queue(session);
  queue.enqueue(organization, models::price_items_job_kind, boost::json::object(), jobs::unless::queued);
  queue.enqueue(organization, watch::evaluate_job_kind, boost::json::object(), jobs::unless::queued);
  queue.enqueue(organization, insight::find_anomalies_job_kind, boost::json::object(), jobs::unless::queued);
  queue.enqueue(organization, insight::check_drift_job_kind, boost::json::object(), jobs::unless::queued);
}

void follow_import(postgres::session& session, organization_id organization) {
  jobs::job_queue queue(session);
  queue.enqueue(organization, market::refresh_job_kind, boost::json::object(), jobs::unless::queued);
  session.begin(organization);
  const auto fresh = session.query<bool>("select exists (select from models where organization_id = $1 and state = "
                                         "'promoted') and exists (select from models where organization_id = $1 and "
                                         "created_at > now() - interval '1 day')",
                                         organization);
  session.commit();
  if (!fresh.at(0))
    queue.enqueue(organization, models::train_job_kind, boost::json::object(), jobs::unless::queued);
}

} // namespace pricing
