// SPDX-License-Identifier: MIT
// The file for which catch.hpp is compiled ahead, once for all programs; main.cpp reads it anew, to
// make Catch2's main of it.
#include <catch2/catch.hpp>
