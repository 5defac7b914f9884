// SPDX-License-Identifier: MIT
// The one file that makes Catch2's main; every Catch2 program of the tests links it.
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>
