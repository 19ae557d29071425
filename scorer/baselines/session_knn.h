#pragma once

// Neighbour sessions: what the users did who had the user's last items, too.
//
//   w_k   = the user's k-th newest distinct item, k = 0 the newest, k < `last`
//   sim_v = sum of w_k over those items that v had       f_v = of v's occurrence of the newest one
//
//   vsknn   w_k = max(0, 1 - k/10);  score(i) = sum_v sim_v w_f sum over v's events at i [1]
//   stan    w_k = e^{-k/item_decay};
//           score(i) = sum_v sim_v / sqrt(n n_v) e^{-(t - t_v)/recency}
//                      sum over v's events at i of e^{-|position - position of f_v|/position_decay}
//
// over the `neighbours` most similar v among those met in the newest `sample` occurrences of each
// item. n and n_v are the numbers of events; a user without sessions is one long session, of which
// the `reach` events to either side of f_v are looked at.
//
// Source    VSKNN: Ludewig and Jannach, "Evaluation of session-based recommendation algorithms",
//           2018, arXiv:1803.09587, section 2.3.2 (V-SkNN with a linear decay).
//           STAN: Garg et al., "Sequence and time aware neighborhood for session-based
//           recommendations", SIGIR 2019, arXiv:1905.12022, eqs. (1)-(5). Both sample the newest
//           sessions of all items together; here the newest of each item, which needs no union.
//
// Units     recency in seconds; 0: the neighbour's age does not matter. Decays in events.

#include <cstddef>
#include <memory>

#include "scorer/baselines/baseline.h"

namespace fovea::baselines {

struct SessionKnnSettings {
  bool time_aware = false;  // STAN; else VSKNN
  std::size_t last = 10;
  std::size_t neighbours = 100;
  std::size_t sample = 500;
  std::size_t reach = 20;
  double item_decay = 3.0;      // STAN
  double position_decay = 2.0;  // STAN
  double recency_s = 0.0;       // STAN
};

[[nodiscard]] std::unique_ptr<Baseline> make_session_knn(const SessionKnnSettings& settings);

}  // namespace fovea::baselines
