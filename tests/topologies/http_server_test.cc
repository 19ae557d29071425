// The pages over real sockets on loopback.

#include "topologies/http_server.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "topologies/metrics_server.h"

namespace fovea::topologies {
namespace {

class Connection {
 public:
  explicit Connection(const std::string& address) {
    const std::size_t colon = address.rfind(':');
    socket_ = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<std::uint16_t>(std::atoi(address.c_str() + colon + 1)));
    ::inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
    connected_ = ::connect(socket_, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0;
  }
  ~Connection() { ::close(socket_); }
  [[nodiscard]] bool connected() const { return connected_; }

  // All that is answered until the other side closes.
  std::string ask(const std::string& request) {
    EXPECT_EQ(::send(socket_, request.data(), request.size(), 0),
              static_cast<ssize_t>(request.size()));
    std::string answer;
    char buffer[4096];
    for (ssize_t n = 0; (n = ::recv(socket_, buffer, sizeof buffer, 0)) > 0;) {
      answer.append(buffer, static_cast<std::size_t>(n));
    }
    return answer;
  }

 private:
  int socket_ = -1;
  bool connected_ = false;
};

std::string get(const HttpServer& server, const std::string& path) {
  return Connection(server.address()).ask("GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n");
}

std::unique_ptr<HttpServer> start(HttpPages pages) {
  auto server = HttpServer::start("127.0.0.1:0", std::move(pages));
  EXPECT_TRUE(server) << server.error().message;
  return *std::move(server);
}

TEST(HttpServer, AnswersItsPagesAndNothingElse) {
  const auto server = start({{"/page",
                              [] {
                                return HttpAnswer{200, "hello\n"};
                              }},
                             {"/bad", [] {
                                return HttpAnswer{503, "not yet\n"};
                              }}});
  EXPECT_EQ(get(*server, "/page").substr(0, 15), "HTTP/1.1 200 OK");
  EXPECT_TRUE(get(*server, "/page").ends_with("\r\n\r\nhello\n"));
  EXPECT_EQ(get(*server, "/bad").substr(0, 12), "HTTP/1.1 503");
  EXPECT_EQ(get(*server, "/other").substr(0, 12), "HTTP/1.1 404");
  EXPECT_EQ(Connection(server->address())
                .ask("POST /page HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
                .substr(0, 12),
            "HTTP/1.1 404");
}

TEST(HttpServer, NamesAnAddressItCannotHave) {
  const auto server = start({});
  const auto second = HttpServer::start(server->address(), {});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().message,
            server->address() + " cannot be listened on: Address already in use");
  for (const char* wrong : {"9464", ":9464", "127.0.0.1:", "127.0.0.1:70000", "127.0.0.1:x"}) {
    const auto refused = HttpServer::start(wrong, {});
    ASSERT_FALSE(refused) << wrong;
    EXPECT_EQ(refused.error().message, std::string(wrong) + " is not host:port");
  }
}

TEST(HttpServer, EndsWhileAClientHoldsAConnectionOpen) {
  auto server = start({});
  const Connection idle(server->address());
  ASSERT_TRUE(idle.connected());
  server.reset();  // returns, or the test's time-out says so
}

TEST(MetricsServer, SaysTheKeyOfAnAddressInUse) {
  const auto server = start({});
  Config config;
  config.metrics.listen = server->address();
  const SystemClock clock;
  const Metrics metrics("t", clock);
  const auto refused = serve_metrics(config, metrics);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message.substr(0, 17), "metrics.listen = ");
  EXPECT_NE(refused.error().message.find(server->address()), std::string::npos);

  config.metrics.listen = "off";
  const auto off = serve_metrics(config, metrics);
  ASSERT_TRUE(off);
  EXPECT_EQ(*off, nullptr);
}

}  // namespace
}  // namespace fovea::topologies
