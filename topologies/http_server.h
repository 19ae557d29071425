#pragma once

// A few pages over HTTP, for a scraper and a health check.
//
// Answers GET and HEAD; anything else is 404. Connections are closed after each answer, so that a
// client that does not let go holds none of the two threads for longer than a time-out.
//
// Threads   Pages are made on threads of the server's own.

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "vocab/result.h"

namespace fovea::topologies {

struct HttpAnswer {
  int status = 200;
  std::string body;
  std::string content_type = "text/plain; charset=utf-8";
};

using HttpPages = std::map<std::string, std::function<HttpAnswer()>>;  // by path

class HttpServer {
 public:
  // `address` is host:port; port 0 is any free one.
  // Errors: kStop naming the address, and why: no such form, taken, not this machine's.
  // Lifetime  What the pages read outlives it.
  [[nodiscard]] static Result<std::unique_ptr<HttpServer>> start(const std::string& address,
                                                                 const HttpPages& pages);

  // Lets answers under way end.
  ~HttpServer();

  // host:port as bound.
  [[nodiscard]] const std::string& address() const;

 private:
  struct Impl;
  explicit HttpServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace fovea::topologies
