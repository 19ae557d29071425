// What the thread sanitizer needs to know of librdkafka and RocksDB; in no other build.
//
// librdkafka locks and starts its threads by C11's <threads.h>. The sanitizer knows pthread_*, and
// of these calls nothing: it meets threads that it has not seen begin, and crashes; nor does it see
// who waits for whom. glibc's functions are thin covers of the same objects and stay inside libc.
// The ones here are found before them and call what the sanitizer intercepts.
//
// Requires glibc, where a mutex of either family is the same object, and so are conditions,
// threads and flags.

#include <errno.h>
#include <pthread.h>
#include <threads.h>

#include <cstdint>
#include <new>

namespace {

static_assert(sizeof(mtx_t) == sizeof(pthread_mutex_t));
static_assert(sizeof(cnd_t) == sizeof(pthread_cond_t));
static_assert(sizeof(thrd_t) == sizeof(pthread_t));
static_assert(sizeof(once_flag) == sizeof(pthread_once_t));

pthread_mutex_t* posix(mtx_t* mutex) {
  return reinterpret_cast<pthread_mutex_t*>(mutex);
}
pthread_cond_t* posix(cnd_t* condition) {
  return reinterpret_cast<pthread_cond_t*>(condition);
}

int c11(int error) {
  switch (error) {
    case 0:
      return thrd_success;
    case ENOMEM:
      return thrd_nomem;
    case ETIMEDOUT:
      return thrd_timedout;
    case EBUSY:
      return thrd_busy;
    default:
      return thrd_error;
  }
}

struct Start {
  thrd_start_t function;
  void* argument;
};

void* run(void* given) {
  auto* boxed = static_cast<Start*>(given);
  const Start start = *boxed;
  delete boxed;
  return reinterpret_cast<void*>(static_cast<std::intptr_t>(start.function(start.argument)));
}

}  // namespace

extern "C" {

// Named are libraries that are not instrumented, never our code: what they read and write, and
// agree on by their own atomic operations, is unseen. Their locks and threads are seen,
// librdkafka's by the below; how librdkafka hands a new mutex to another thread is not. RocksDB
// also runs templates of the standard library that the linker took from our program, instrumented,
// so of it every race is left out that has a frame in it.
const char* __tsan_default_suppressions() {
  return "called_from_lib:librdkafka.so\n"
         "race:mtx_init\n"
         "called_from_lib:libzstd.so\n"
         "race:librocksdb.so\n";
}

int thrd_create(thrd_t* thread, thrd_start_t function, void* argument) {
  auto* start = new (std::nothrow) Start{function, argument};
  if (start == nullptr) return thrd_nomem;
  const int error = pthread_create(thread, nullptr, run, start);
  if (error != 0) delete start;
  return error == EAGAIN ? thrd_nomem : c11(error);
}

int thrd_join(thrd_t thread, int* result) {
  void* returned = nullptr;
  const int error = pthread_join(thread, &returned);
  if (result != nullptr) *result = static_cast<int>(reinterpret_cast<std::intptr_t>(returned));
  return c11(error);
}

int thrd_detach(thrd_t thread) {
  return c11(pthread_detach(thread));
}

int mtx_init(mtx_t* mutex, int type) {
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_settype(
      &attributes, (type & mtx_recursive) != 0 ? PTHREAD_MUTEX_RECURSIVE : PTHREAD_MUTEX_NORMAL);
  const int error = pthread_mutex_init(posix(mutex), &attributes);
  pthread_mutexattr_destroy(&attributes);
  return c11(error);
}

void mtx_destroy(mtx_t* mutex) {
  pthread_mutex_destroy(posix(mutex));
}

int mtx_lock(mtx_t* mutex) {
  return c11(pthread_mutex_lock(posix(mutex)));
}

int mtx_trylock(mtx_t* mutex) {
  return c11(pthread_mutex_trylock(posix(mutex)));
}

int mtx_unlock(mtx_t* mutex) {
  return c11(pthread_mutex_unlock(posix(mutex)));
}

int cnd_init(cnd_t* condition) {
  return c11(pthread_cond_init(posix(condition), nullptr));
}

void cnd_destroy(cnd_t* condition) {
  pthread_cond_destroy(posix(condition));
}

int cnd_signal(cnd_t* condition) {
  return c11(pthread_cond_signal(posix(condition)));
}

int cnd_broadcast(cnd_t* condition) {
  return c11(pthread_cond_broadcast(posix(condition)));
}

int cnd_wait(cnd_t* condition, mtx_t* mutex) {
  return c11(pthread_cond_wait(posix(condition), posix(mutex)));
}

int cnd_timedwait(cnd_t* condition, mtx_t* mutex, const timespec* until) {
  return c11(pthread_cond_timedwait(posix(condition), posix(mutex), until));
}

void call_once(once_flag* flag, void (*function)(void)) {
  pthread_once(reinterpret_cast<pthread_once_t*>(flag), function);
}

}  // extern "C"
