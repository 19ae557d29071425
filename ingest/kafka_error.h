#pragma once

// What librdkafka's error codes mean for the pipeline. Private to ingest.
//
// The broker or its leader being away is kRetry; a partition that is no longer ours is kSkip;
// everything that would not heal by itself is kStop. The table is in README.md, "Kafka".

#include <string>

#include "vocab/result.h"

namespace fovea::ingest {

// `code` is an rd_kafka_resp_err_t.
[[nodiscard]] Disposition kafka_disposition(int code);

// "<what>: <the client's words for the code>", or with `detail` in their place.
[[nodiscard]] Error kafka_error(int code, const std::string& what, const std::string& detail = {});

}  // namespace fovea::ingest
