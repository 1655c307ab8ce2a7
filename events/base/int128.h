// SPDX-License-Identifier: Apache-2.0
// 128-bit integers, a GNU extension that every compiler we build with has: for products and sums of two int64.
#pragma once

namespace upline {

__extension__ using Int128 = __int128;
__extension__ using UInt128 = unsigned __int128;

}  // namespace upline
