#pragma once
// Writes batches on several connections at once and commits them in order. Used by import_run only.
#include "ingest/ingest_store.hpp"

#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

namespace pricing::ingest {

struct row_batch {
  observation_columns observations;
  observation_columns answered; // rows of `held` that are not waiting
  quarantine_columns quarantined;
  held_columns held;
  batch_counts counts; // loaded is found by the database; duplicates within the file are counted already
  std::int64_t checkpoint_row = 0;
  std::int64_t bytes_read = 0;
  bool all_new = false; // the database holds no rows of these years from before this run
};

// Writes the rows of a batch and returns its counts, without touching the upload.
batch_counts write_rows(ingest_store& store, const row_batch& batch, std::int64_t upload_id);

class batch_loader {
 public:
  batch_loader(std::function<std::unique_ptr<postgres::session>()> connect, organization_id organization,
               std::int64_t upload_id, unsigned threads);
  // Abandons what is not committed.
  ~batch_loader();
  batch_loader(const batch_loader&) = delete;
  batch_loader& operator=(const batch_loader&) = delete;

  // Waits while the queue is full. Throws what broke a loader.
  void push(std::unique_ptr<row_batch> batch);
  // Waits until everything pushed is committed.
  void finish();
  batch_counts committed() const;
  std::int64_t committed_bytes() const;

 private:
  void work();
  void write(postgres::session& database, row_batch& batch, std::uint64_t turn);
  batch_counts insert(postgres::session& database, row_batch& batch);
  bool wait_for_turn(std::uint64_t turn);
  void fail(std::exception_ptr why);
  void join();

  std::function<std::unique_ptr<postgres::session>()> connect_;
  organization_id organization_;
  std::int64_t upload_id_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::unique_ptr<row_batch>> queue_;
  std::uint64_t next_turn_ = 0;   // given to the next batch taken
  std::uint64_t commit_turn_ = 0; // whose turn it is to commit
  bool closed_ = false;
  bool abandoned_ = false;
  std::exception_ptr failure_;
  batch_counts committed_;
  std::int64_t committed_bytes_ = 0;
  std::vector<std::thread> threads_;
};

} // namespace pricing::ingest
