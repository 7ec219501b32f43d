#include "ingest/loader.hpp"

#include <algorithm>

namespace pricing::ingest {
namespace {
constexpr std::size_t queued_max = 2;
}

// A row that a learned answer would load but that is there already belongs to another upload: a duplicate.
static void mark_duplicates(held_columns& held, std::vector<int> loaded) {
  static constexpr std::string_view as_loaded = "{\"state\":\"loaded\"", as_duplicate = "{\"state\":\"duplicate\"";
  std::sort(loaded.begin(), loaded.end());
  for (std::size_t i = 0; i < held.row.size(); ++i)
    if (held.row[i].starts_with(as_loaded) && !std::binary_search(loaded.begin(), loaded.end(), held.row_number[i]))
      held.row[i].replace(0, as_loaded.size(), as_duplicate);
}

batch_counts write_rows(ingest_store& store, const row_batch& batch, std::int64_t upload_id) {
  auto counts = batch.counts;
  const auto given = static_cast<std::int64_t>(batch.observations.item.size() + batch.answered.item.size());
  const auto answered = store.insert_observations_returning_rows(batch.answered, upload_id);
  counts.loaded = store.insert_observations(batch.observations, upload_id, !batch.all_new) +
                  static_cast<std::int64_t>(answered.size());
  counts.duplicates += given - counts.loaded;
  store.insert_quarantined(batch.quarantined, upload_id);
  auto held = batch.held;
  mark_duplicates(held, answered);
  store.insert_held(held, upload_id);
  return counts;
}

batch_loader::batch_loader(std::function<std::unique_ptr<postgres::session>()> connect, organization_id organization,
                           std::int64_t upload_id, unsigned threads)
    : connect_(std::move(connect)), organization_(organization), upload_id_(upload_id) {
  for (unsigned i = 0; i < std::max(1u, threads); ++i)
    threads_.emplace_back([this] { work(); });
}

batch_loader::~batch_loader() {
  {
    const std::lock_guard lock(mutex_);
    abandoned_ = true;
  }
  join();
}

void batch_loader::push(std::unique_ptr<row_batch> batch) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return queue_.size() < queued_max || failure_; });
  if (failure_)
    std::rethrow_exception(failure_);
  queue_.push_back(std::move(batch));
  changed_.notify_all();
}

void batch_loader::finish() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  join();
  if (failure_)
    std::rethrow_exception(failure_);
}

void batch_loader::join() {
  changed_.notify_all();
  for (auto& thread : threads_)
    if (thread.joinable())
      thread.join();
}

batch_counts batch_loader::committed() const {
  const std::lock_guard lock(mutex_);
  return committed_;
}

std::int64_t batch_loader::committed_bytes() const {
  const std::lock_guard lock(mutex_);
  return committed_bytes_;
}

void batch_loader::fail(std::exception_ptr why) {
  const std::lock_guard lock(mutex_);
  if (!failure_)
    failure_ = std::move(why);
  changed_.notify_all();
}

void batch_loader::work() {
  try {
    const auto database = connect_();
    for (;;) {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return !queue_.empty() || closed_ || abandoned_ || failure_; });
      if (abandoned_ || failure_ || queue_.empty())
        return;
      const auto batch = std::move(queue_.front());
      queue_.pop_front();
      const auto turn = next_turn_++;
      changed_.notify_all();
      lock.unlock();
      write(*database, *batch, turn);
    }
  } catch (...) {
    fail(std::current_exception());
  }
}

bool batch_loader::wait_for_turn(std::uint64_t turn) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return commit_turn_ == turn || abandoned_ || failure_; });
  return commit_turn_ == turn && !abandoned_ && !failure_;
}

// Leaves the transaction open. Somebody else (a decision, a fix) may have loaded one of our rows since the run began.
batch_counts batch_loader::insert(postgres::session& database, row_batch& batch) {
  ingest_store store(database, organization_);
  try {
    database.begin(organization_);
    store.commit_without_waiting();
    return write_rows(store, batch, upload_id_);
  } catch (const postgres::database_error& e) {
    if (!batch.all_new || !e.is_unique_violation())
      throw;
  }
  database.rollback();
  batch.all_new = false;
  return insert(database, batch);
}

// What others might wait for is locked only in turn, so that two batches never wait for each other: the row of
// `uploads`, which comes last, and new chunks.
void batch_loader::write(postgres::session& database, row_batch& batch, std::uint64_t turn) {
  ingest_store store(database, organization_);
  if (!store.has_room_for(batch.observations.observed_on) || !store.has_room_for(batch.answered.observed_on))
    wait_for_turn(turn);
  const auto counts = insert(database, batch);
  if (!wait_for_turn(turn)) {
    database.rollback();
    return;
  }
  store.add_counts(upload_id_, counts, batch.checkpoint_row, batch.bytes_read);
  database.commit();
  const std::lock_guard lock(mutex_);
  ++commit_turn_;
  committed_.rows_in += counts.rows_in;
  committed_.loaded += counts.loaded;
  committed_.quarantined += counts.quarantined;
  committed_.duplicates += counts.duplicates;
  committed_.awaiting += counts.awaiting;
  committed_bytes_ = batch.bytes_read;
  changed_.notify_all();
}

} // namespace pricing::ingest
