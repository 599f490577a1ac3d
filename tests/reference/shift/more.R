# Makes more.json: proportional-odds fits of small and lopsided tables, exact signed-rank tests of paired grades,
# planning at the edges of its range. Run: Rscript more.R (writes more.json and more.sessionInfo.txt beside it).
suppressPackageStartupMessages({library(ordinal); library(rms); library(coin); library(Hmisc); library(jsonlite)})
set.seed(20260101)
cases <- list()
add <- function(kind, inputs, outputs) cases[[length(cases) + 1]] <<- list(kind = kind, inputs = inputs, outputs = outputs)
for (i in 1:25) {
  k <- sample(2:7, 1)
  p <- rgamma(k, 0.8); q <- p * exp(runif(1, -1, 1) * seq_len(k) / 2)
  treat <- as.vector(rmultinom(1, sample(c(4, 17, 40, 400), 1), q)); control <- as.vector(rmultinom(1, sample(c(5, 17, 60, 300), 1), p))
  y <- c(rep(seq_len(k), treat), rep(seq_len(k), control)); x <- rep(c(1, 0), c(sum(treat), sum(control)))
  if (length(unique(y)) < 2) next
  low <- function(v) min(which(v > 0)); high <- function(v) max(which(v > 0))
  if (high(treat) <= low(control) || high(control) <= low(treat)) next
  if (length(unique(y)) > 2) {
    f <- clm(factor(y) ~ x, control = clm.control(gradTol = 1e-12)); b <- unname(f$beta); se <- sqrt(vcov(f)["x", "x"])
    ll <- as.numeric(logLik(f)); lr <- 2 * (ll - as.numeric(logLik(clm(factor(y) ~ 1))))
  } else {
    f <- glm((y == max(y)) ~ x, family = binomial, control = glm.control(epsilon = 1e-14)); b <- unname(coef(f)[2]); se <- sqrt(vcov(f)[2, 2])
    ll <- as.numeric(logLik(f)); lr <- f$null.deviance - f$deviance
  }
  score <- unname(orm(y ~ x, eps = 1e-12)$stats["Score"])
  add("po", list(treat = treat, control = control), list(beta = b, se = se, loglik = ll, lr = lr, score = score))
}
for (i in 1:25) {
  n <- sample(c(3, 8, 17, 60), 1); first <- sample(0:6, n, TRUE); second <- pmin(6, pmax(0, first + sample(-3:2, n, TRUE, c(1, 2, 5, 5, 2, 1))))
  if (all(first == second)) next
  one <- function(zero, alt) as.numeric(pvalue(wilcoxsign_test(first ~ second, zero.method = zero, distribution = "exact", alternative = alt)))
  add("signed_rank", list(first = first, second = second),
      list(pratt = one("Pratt", "two.sided"), wilcoxon = one("Wilcoxon", "two.sided"), pratt_improved = one("Pratt", "greater"), wilcoxon_improved = one("Wilcoxon", "greater")))
}
for (i in 1:15) {
  p <- rgamma(sample(2:9, 1), 0.6) + 1e-3; p <- p / sum(p); or <- exp(runif(1, -2, 2)); fr <- runif(1, 0.1, 0.9); n1 <- sample(10:900, 1); n2 <- sample(10:900, 1)
  add("plan", list(p = p, odds_ratio = or, fraction = fr, n1 = n1, n2 = n2, alpha = 0.03, power = 0.85),
      list(n = posamsize(p, or, fr, 0.03, 0.85)$n, power = popower(p, or, n1 = n1, n2 = n2, alpha = 0.03)$power))
}
write_json(list(cases = cases), "more.json", digits = 17, auto_unbox = TRUE)
writeLines(capture.output(sessionInfo()), "more.sessionInfo.txt")
