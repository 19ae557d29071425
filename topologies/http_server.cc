#include "topologies/http_server.h"

#include <fmt/format.h>
#include <httplib.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <atomic>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <optional>
#include <thread>
#include <utility>

namespace fovea::topologies {
namespace {

constexpr std::size_t kThreads = 2;
constexpr std::time_t kIdleSeconds = 5;

struct Endpoint {
  std::string host;
  int port = 0;
};

std::optional<Endpoint> parse_endpoint(const std::string& address) {
  const std::size_t colon = address.rfind(':');
  if (colon == std::string::npos || colon == 0) return std::nullopt;
  Endpoint endpoint{address.substr(0, colon), -1};
  // "[::1]:9464"
  if (endpoint.host.front() == '[' && endpoint.host.back() == ']') {
    endpoint.host = endpoint.host.substr(1, endpoint.host.size() - 2);
  }
  const char* first = address.data() + colon + 1;
  const char* last = address.data() + address.size();
  const auto [end, problem] = std::from_chars(first, last, endpoint.port);
  if (problem != std::errc{} || end != last || first == last) return std::nullopt;
  if (endpoint.port < 0 || endpoint.port > 65'535) return std::nullopt;
  return endpoint;
}

}  // namespace

struct HttpServer::Impl {
  httplib::Server server;
  std::string address;
  std::atomic<bool> ended{false};  // the thread listens no more
  std::thread thread;
};

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Result<std::unique_ptr<HttpServer>> HttpServer::start(const std::string& address,
                                                      const HttpPages& pages) {
  const auto endpoint = parse_endpoint(address);
  if (!endpoint) return stop(fmt::format("{} is not host:port", address));

  auto impl = std::make_unique<Impl>();
  httplib::Server& server = impl->server;
  server.new_task_queue = [] { return new httplib::ThreadPool(kThreads); };
  server.set_keep_alive_max_count(1);
  server.set_read_timeout(kIdleSeconds);
  server.set_write_timeout(kIdleSeconds);
  server.set_payload_max_length(0);
  // The library's own choice is SO_REUSEPORT: two processes would share the port, each answering
  // every other scrape.
  server.set_socket_options([](socket_t socket) {
    const int yes = 1;
    ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  });
  for (const auto& [path, page] : pages) {
    server.Get(path, [make = page](const httplib::Request&, httplib::Response& out) {
      HttpAnswer answer = make();
      out.status = answer.status;
      out.set_content(answer.body, answer.content_type);
    });
  }

  errno = 0;
  int port = endpoint->port;
  const bool bound = port == 0 ? (port = server.bind_to_any_port(endpoint->host)) > 0
                               : server.bind_to_port(endpoint->host, port);
  if (!bound) {
    const std::string why = errno != 0 ? std::strerror(errno) : "no such address";
    return stop(fmt::format("{} cannot be listened on: {}", address, why));
  }
  impl->address = fmt::format("{}:{}", address.substr(0, address.rfind(':')), port);
  impl->thread = std::thread([raw = impl.get()] {
    raw->server.listen_after_bind();
    raw->ended = true;
  });
  // stop() before the thread listens would be lost.
  while (!server.is_running() && !impl->ended) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

HttpServer::~HttpServer() {
  impl_->server.stop();
  impl_->thread.join();
}

const std::string& HttpServer::address() const {
  return impl_->address;
}

}  // namespace fovea::topologies
