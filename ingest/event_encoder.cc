#include "ingest/event_codec.h"
#include "ingest/json_writer.h"

namespace fovea::ingest {
namespace {

void append_text_field(std::string& out, std::string_view name, std::string_view text) {
  if (text.empty()) return;
  out.append(",\"").append(name).append("\":");
  append_json_string(out, text);
}

template <class Sequence, class AppendOne>
void append_joined(std::string& out, char open, char close, const Sequence& sequence,
                   AppendOne append_one) {
  out += open;
  bool first = true;
  for (const auto& one : sequence) {
    if (!first) out += ',';
    first = false;
    append_one(one);
  }
  out += close;
}

}  // namespace

std::string encode_event(const Event& event) {
  std::string out = "{\"user\":";
  append_json_string(out, event.user.value);
  append_text_field(out, "type", name(event.type));
  append_text_field(out, "item", event.item.id);
  out += ",\"ts\":";
  append_json_integer(out, value(event.event_time));
  append_text_field(out, "id", event.id);
  if (event.value) {
    out += ",\"value\":";
    append_json_number(out, *event.value);
  }
  append_text_field(out, "query", event.query);
  append_text_field(out, "session", event.session);
  append_text_field(out, "slate", event.slate);
  if (!event.items.empty()) {
    out += ",\"items\":";
    append_joined(out, '[', ']', event.items,
                  [&](const ItemRef& item) { append_json_string(out, item.id); });
  }
  if (!event.context.empty()) {
    out += ",\"context\":";
    append_joined(out, '{', '}', event.context, [&](const ContextField& field) {
      append_json_string(out, field.name);
      out += ':';
      if (const auto* number = std::get_if<double>(&field.value)) {
        append_json_number(out, *number);
      } else {
        append_json_string(out, std::get<std::string>(field.value));
      }
    });
  }
  append_text_field(out, "request_id", event.request_id);
  if (event.k) {
    out += ",\"k\":";
    append_json_integer(out, *event.k);
  }
  if (!event.filter.empty()) {
    out += ",\"filter\":";
    append_joined(out, '{', '}', event.filter, [&](const auto& field) {
      append_json_string(out, field.first);
      out += ':';
      append_json_string(out, field.second);
    });
  }
  append_text_field(out, "as", event.as);
  out += '}';
  return out;
}

}  // namespace fovea::ingest
