/**
 * Streams and graphs of the shim. Work on a stream is done only when it is waited for, so that a missing wait shows as
 * missing results. Work on the default stream is done at once.
 */
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <utility>
#include <vector>

namespace shim {

using Work = std::function<void()>;
using Works = std::vector<Work>;

struct Stream {
  Works queued;
  /** Between the begin and the end of a capture */
  bool captures = false;
  /** True if it was waited for during the capture, which invalidates the capture */
  bool invalidated = false;
  Works captured;
};

/** Does one piece of work at a time, on the thread that waits for it. */
class Device {
 public:
  static Device& here() {
    // Never destroyed: threads may still run after main has ended.
    static Device* const device = new Device;
    return *device;
  }

  void add(Stream* stream) {
    const std::lock_guard<std::mutex> lock(mutex_);
    streams_.insert(stream);
  }

  void remove(Stream* stream) {
    const std::lock_guard<std::mutex> lock(mutex_);
    finish(*stream);
    streams_.erase(stream);
    delete stream;
  }

  void queue(Stream* stream, Work work) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (stream == nullptr) return work();
    (stream->captures ? stream->captured : stream->queued).push_back(std::move(work));
  }

  /** Returns false if the stream captures, and ends the capture. */
  bool wait_for(Stream* stream) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (stream == nullptr) return true;
    if (stream->captures) stream->invalidated = true;
    else finish(*stream);
    return !stream->captures;
  }

  void wait_for_all() {
    const std::lock_guard<std::mutex> lock(mutex_);
    for (Stream* const stream : streams_) finish(*stream);
  }

 private:
  static void finish(Stream& stream) {
    for (const Work& work : std::exchange(stream.queued, {})) work();
  }

  std::mutex mutex_;
  std::set<Stream*> streams_;
};

}  // namespace shim
