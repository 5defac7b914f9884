# SPDX-License-Identifier: MIT
# What one small call costs: add of 8 floats in each mode, its result released. Prints
# "way/mode nanoseconds", the least of several rounds in processor time.
use strict;
use warnings;
use Tapegrad;
use Time::HiRes qw(clock);

sub measure {
  my ($mode, $requires_grad) = @_;
  my $x = Tapegrad::tensor([1 .. 8], requires_grad => $requires_grad);
  my $y = Tapegrad::tensor([1 .. 8]);
  my ($best, $calls) = (9e9, 5_000);
  for (1 .. 10) {
    my $start = clock;
    for (1 .. $calls) { my $sum = $x + $y }
    my $spent = (clock() - $start) / $calls * 1e9;
    $best = $spent if $spent < $best;
  }
  printf "Perl/%s %.1f\n", $mode, $best;
}

Tapegrad::inference_mode { measure('inference', 0) };
Tapegrad::no_grad { measure('no_grad', 1) };
measure('grad', 1);
