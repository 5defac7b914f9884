# SPDX-License-Identifier: MIT
# What one small call costs: add of 8 floats, release included.
use strict;
use warnings;
use Tapegrad;
use Time::HiRes qw(time);

my $x = Tapegrad::tensor([1 .. 8]);
for (1 .. 3) {
  my $start = time;
  my $sum = $x + $x for 1 .. 50_000;
  printf "perl add_8_floats operator ns %8.0f\n", (time - $start) / 50_000 * 1e9;
}
