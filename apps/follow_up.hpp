#pragma once
// What becomes due once prices or the model of an organization have changed, whoever changed them: a task of the worker
// or a person with pricing-ctl. Jobs only; nothing is computed here.
#include "core/ids.hpp"
#include "postgres/session.hpp"

namespace pricing {

// Benchmarks or the model are new: every item is priced anew and what is watched is looked at.
void follow_change(postgres::session& session, organization_id organization);

// Prices are new: what is derived from them is refreshed; the model learns from them at most once a day.
void follow_import(postgres::session& session, organization_id organization);

} // namespace pricing
