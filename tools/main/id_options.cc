// SPDX-License-Identifier: Apache-2.0
#include "tools/main/id_options.h"

#include <CLI/CLI.hpp>
#include <map>

namespace upline {
namespace {

std::string text_of(const char* argument, const Result<Uuid>& id) {
    if (!id.ok()) throw CLI::ValidationError(argument, id.error().message);
    return to_string(*id);
}

}  // namespace

std::shared_ptr<const IdForm> add_id_form(CLI::App& command) {
    const auto form = std::make_shared<IdForm>(IdForm::kUuid);
    command
        .add_option_function<std::string>(
            "--ids", [form](const std::string& text) { *form = text == "uuid5" ? IdForm::kUuid5 : IdForm::kUuid; },
            "uuid: ids are UUIDs; uuid5: any other text stands for a UUIDv5 of its kind and itself (events/README.md)")
        ->check(CLI::IsMember({"uuid", "uuid5"}))
        ->default_str("uuid");
    return form;
}

std::string id_argument(const char* argument, std::string_view text, std::string_view kind, IdForm form) {
    return text.empty() ? std::string() : text_of(argument, parse_id(text, kind, form));
}

std::string event_id_argument(const char* argument, std::string_view text, IdForm form) {
    return text.empty() ? std::string() : text_of(argument, parse_event_id(text, form));
}

}  // namespace upline
