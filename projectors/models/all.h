// SPDX-License-Identifier: Apache-2.0
// All read models there are: what runs, is verified and can be rebuilt. To add one, see projectors/README.md.
#pragma once

#include <array>
#include <memory>

#include "projectors/models/outcomes.h"
#include "projectors/models/payouts.h"
#include "projectors/models/references.h"
#include "projectors/models/revenue.h"
#include "projectors/models/sites.h"

namespace upline {

inline constexpr std::array<std::unique_ptr<Model> (*)(), 5> kModels = {payouts_model, sites_model, revenue_model,
                                                                        references_model, outcomes_model};

}  // namespace upline
