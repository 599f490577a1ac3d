# Computes the exact reference values of this folder again by base R (every outcome of a design is enumerated), and
# prints the differences. The packages that made them (clinfun, gsDesign, ...) are not in Debian.
# Rerun here: Rscript rerun.R > rerun.txt   (writes rerun.sessionInfo.txt)
source("../compare.R")

# Probability of going on with x responders after each look; stop at or below `low`, at or above `high` (NA: never).
looks <- function(n, low, high, p) {
  alive <- 1; before <- 0; left <- right <- numeric(length(n)); size <- 0
  for (k in seq_along(n)) {
    step <- dbinom(0:(n[k] - before), n[k] - before, p); wide <- numeric(n[k] + 1)
    for (x in seq_along(alive)) wide[x - 1 + seq_along(step)] <- wide[x - 1 + seq_along(step)] + alive[x] * step
    x <- 0:n[k]; a <- !is.na(low[k]) & x <= low[k]; b <- !is.na(high[k]) & x >= high[k]
    left[k] <- sum(wide[a]); right[k] <- sum(wide[b & !a])
    gone <- if (k == length(n)) sum(wide) else left[k] + right[k]
    size <- size + n[k] * gone
    alive <- ifelse(a | b, 0, wide); before <- n[k]
  }
  list(left = left, right = right, size = size)
}
simon <- function(r1, n1, r, n, p) looks(c(n1, n), c(r1, r), c(NA, r + 1), p)
or_na <- function(v) vapply(v, function(x) if (is.null(x)) NA_real_ else num(x), 0)

f <- "a_simon_two_stage.json"
for (c in cases_of(f)) for (which in c("optimal", "minimax")) {
  e <- c$outputs[[which]]
  if (is.null(e$r1)) next
  d <- lapply(e[c("r1", "n1", "r", "n")], num)
  null <- do.call(simon, c(d, p = num(c$inputs$p0))); other <- do.call(simon, c(d, p = num(c$inputs$p1)))
  note(f, c, which, c(e$EN0, e$PET0, e$alpha, e$power), c(null$size, null$left[1], sum(null$right), sum(other$right)))
}
for (c in cases_of(f)) for (which in c("best_per_n", "admissible")) for (e in c$outputs[[which]]) {
  null <- simon(num(e$r1), num(e$n1), num(e$r), num(e$n), num(c$inputs$p0))
  note(f, c, which, c(e$EN0, e$PET0), c(null$size, null$left[1]))
}

f <- "b_two_stage_inference.json"
for (c in cases_of(f)) {
  i <- lapply(c$inputs, num); o <- c$outputs
  # the order of Jung and Kim: by the UMVUE, here that of the sum among those who went on
  x1 <- 0:i$n1; on <- x1 > i$r1; n2 <- i$n - i$n1
  ended <- i$x <= i$r1
  p_value <- function(p) if (ended) pbinom(i$x - 1, i$n1, p, lower.tail = FALSE)
    else sum(dbinom(x1[on], i$n1, p) * pbinom(i$x - x1[on] - 1, n2, p, lower.tail = FALSE))
  umvue <- if (ended) i$x / i$n1 else {
    a <- x1[on]; sum(choose(i$n1 - 1, a - 1) * choose(n2, i$x - a)) / sum(choose(i$n1, a) * choose(n2, i$x - a))
  }
  note(f, c, "p_value", o$p_value, p_value(i$p0)); note(f, c, "umvue", o$umvue, umvue)
  if (i$x > 0 && !is.null(o$refined)) {
    root <- function(target) uniroot(function(p) p_value(p) - target, c(1e-12, 1 - 1e-12), tol = 1e-14)$root
    note(f, c, "refined/p_value", o$refined$p_value, p_value(i$p0))
    note(f, c, "refined/lcl05", o$refined$lcl05, try_it(root(0.05)))
    if (!is.null(o$refined$ucl95)) note(f, c, "refined/ucl95", o$refined$ucl95, try_it(root(0.95)))
  }
}

f <- "c_single_stage.json"
for (c in cases_of(f)) {
  i <- lapply(c$inputs, num)
  for (e in c$outputs$solutions)
    note(f, c, "solutions", c(e$type1, e$type2), c(pbinom(num(e$r), num(e$n), i$p0, lower.tail = FALSE), pbinom(num(e$r), num(e$n), i$p1)))
  n <- 1:1000; r <- qbinom(1 - i$alpha, n, i$p0)
  first <- match(TRUE, pbinom(r, n, i$p1) <= i$beta)
  note(f, c, "ahern_n", c$outputs$ahern_n, n[first]); note(f, c, "ahern_reject_if_gt", c$outputs$ahern_reject_if_gt, r[first])
}

f <- "d_exact_oc.json"
for (c in cases_of(f)) {
  i <- c$inputs; o <- c$outputs
  if (c$tool == "clinfun" && !is.null(i$r1)) {
    d <- lapply(i[c("r1", "n1", "r", "n")], num)
    null <- do.call(simon, c(d, p = num(i$p0))); other <- do.call(simon, c(d, p = num(i$p1)))
    if (num(i$r1) < num(i$r)) { note(f, c, "alpha", o$alpha, sum(null$right)); note(f, c, "power", o$power, sum(other$right)) }
    note(f, c, "PET0", o$PET0, null$left[1]); note(f, c, "EN0", o$EN0, null$size)
  } else if (!is.null(o$pcross)) {
    n <- num(i$n); r <- num(i$r)
    made <- lapply(num(i$p), function(p) looks(n, rep(NA, length(n)), r + 1, p))
    note(f, c, "pcross", o$pcross, vapply(made, function(m) sum(m$right), 0)); note(f, c, "ess", o$ess, vapply(made, `[[`, 0, "size"))
    note(f, c, "pstop_before_last", o$pstop_before_last, vapply(made, function(m) sum(m$right[-length(n)]), 0))
  } else if (!is.null(i$futility_le)) {
    n <- cumsum(num(i$stage_n))
    for (e in o$opchar) {
      m <- looks(n, or_na(i$futility_le), or_na(i$efficacy_ge), num(e$pi))
      note(f, c, "opchar", c(e[["P(pi)"]], e[["ESS(pi)"]]), c(sum(m$right), m$size))
    }
  } else if (c$tool == "lrstat") {
    n <- num(i$n); r <- qbinom(1 - num(i$alpha), n, num(i$p0)) + 1
    note(f, c, "attainedAlpha", o$attainedAlpha, pbinom(r - 1, n, num(i$p0), lower.tail = FALSE)); note(f, c, "r", o$r, r)
    note(f, c, "power", o$power, pbinom(r - 1, n, num(i$p1), lower.tail = FALSE))
  }
}

f <- "h_other.json"
for (c in cases_of(f)) {
  i <- c$inputs; o <- c$outputs
  if (grepl("^binom.test", c$call)) {
    x <- num(i$x); n <- num(i$n); two <- binom.test(x, n)
    note(f, c, "p_greater", o$p_greater, binom.test(x, n, num(i$p0), "greater")$p.value); note(f, c, "cp95", o$cp95, two$conf.int)
    note(f, c, "wilson95", o$wilson95, try_it(Hmisc::binconf(x, n)[2:3]))
    note(f, c, "jeffreys_equal_tail", o$jeffreys_equal_tail, qbeta(c(.025, .975), x + .5, n - x + .5))
  } else if (!is.null(i$RT)) {
    v <- lapply(i, num)
    if (v$m2 == v$nT - v$n1) {
      x1 <- v$R1:v$n1; total <- v$x1 + v$x2
      note(f, c, "p_value", o$p_value, sum(dbinom(x1, v$n1, v$p0) * pbinom(total - x1 - 1, v$m2, v$p0, lower.tail = FALSE)))
    }
  } else if (grepl("^getCP_simon", c$call)) {
    v <- lapply(i, num); left <- v$n1 - v$enrolled
    if (left >= 0) {
      x1 <- v$k + 0:left; on <- x1 > v$r1
      note(f, c, "conditional_power", o$conditional_power, sum(dbinom(0:left, left, v$p)[on] * pbinom(v$r - x1[on], v$n - v$n1, v$p, lower.tail = FALSE)))
    } else note(f, c, "conditional_power", o$conditional_power, pbinom(v$r - v$k, v$n - v$enrolled, v$p, lower.tail = FALSE))
  }
}

f <- "e_group_sequential.json"
for (c in cases_of(f)) if (c$tool == "gsDesign" && grepl("^gsBinomialExact", c$call)) {
  i <- c$inputs; o <- c$outputs
  if (is.null(i$n) && is.null(i$n.I)) next
  n <- num(if (is.null(i$n)) i$n.I else i$n); low <- num(i$a); high <- num(i$b); low[low < 0] <- NA; high[high > n] <- NA
  made <- lapply(num(i$theta), function(p) looks(n, low, high, p))
  note(f, c, "upper_prob", o$upper_prob, t(sapply(made, `[[`, "right"))); note(f, c, "lower_prob", o$lower_prob, t(sapply(made, `[[`, "left")))
  note(f, c, "EN", o$EN, vapply(made, `[[`, 0, "size"))
}

f <- "i_safety_stopping.json"
for (c in cases_of(f)) {
  rule <- c$outputs$rule; n <- vapply(rule, function(r) num(r$n), 0); high <- vapply(rule, function(r) num(r$reject_ge), 0)
  for (e in c$outputs$oc) {
    m <- looks(n, rep(NA, length(n)), high, num(e$p))
    note(f, c, "oc/Reject Prob", e[["Reject Prob"]], sum(m$right))
    note(f, c, "oc/E(events)", e[["E(events)"]], m$size * num(e$p))
  }
}

report(sort(setdiff(list.files(pattern = "json$"), "added.json")))
writeLines(capture.output(sessionInfo()), "rerun.sessionInfo.txt")
