#pragma once

// A child process of a test: its output in a file, its end observed.
//
//   Process fovea({FOVEA_BINARY, "run", "t.toml"}, "run.log");
//   fovea.signal(SIGTERM);
//   EXPECT_EQ(fovea.wait(20s), 0);

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace fovea::test {

class Process {
 public:
  // Standard output and error are appended to `output`.
  Process(std::vector<std::string> command, const std::string& output) {
    pid_ = ::fork();
    if (pid_ != 0) return;
    const int file = ::open(output.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
    ::dup2(file, STDOUT_FILENO);
    ::dup2(file, STDERR_FILENO);
    std::vector<char*> arguments;
    for (std::string& argument : command) arguments.push_back(argument.data());
    arguments.push_back(nullptr);
    ::execv(arguments.front(), arguments.data());
    ::_exit(127);
  }
  ~Process() {
    if (!ended_) signal(SIGKILL);
    (void)wait(std::chrono::seconds(10));
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  void signal(int number) {
    if (!ended_) ::kill(pid_, number);
  }

  // The exit status; 128 + the signal that ended it; absent if it still runs after `timeout`.
  std::optional<int> wait(std::chrono::milliseconds timeout) {
    const auto deadline = std::chrono::steady_clock::now() + timeout;
    while (!ended_) {
      int status = 0;
      if (::waitpid(pid_, &status, WNOHANG) == pid_) {
        ended_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
      } else if (std::chrono::steady_clock::now() >= deadline) {
        return std::nullopt;
      } else {
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
      }
    }
    return ended_;
  }

 private:
  pid_t pid_ = -1;
  std::optional<int> ended_;
};

}  // namespace fovea::test
