// SPDX-License-Identifier: Apache-2.0
// All read models there are: what runs, is verified and can be rebuilt. To add one, see projectors/README.md.
#pragma once

#include <array>
#include <memory>

#include "projectors/models/payouts.h"
#include "projectors/models/revenue.h"
#include "projectors/models/sites.h"

namespace upline {

inline constexpr std::array<std::unique_ptr<Model> (*)(), 3> kModels = {payouts_model, sites_model, revenue_model};

}  // namespace upline
