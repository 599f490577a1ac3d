# Reference values that the other files of this folder lack: intervals by mid-p and Blaker (base R, roots of the
# defining equations), two-sided exact tests, beta-binomial likelihood, and the maximum of the saw-tooth.
# Rerun: Rscript added.R > added.json   (base R and MASS only)
options(digits = 17)
num <- function(v) paste0("[", paste(formatC(v, digits = 15, format = "g"), collapse = ", "), "]")
midp <- function(x, n, level) {
  a <- (1 - level) / 2
  lo <- if (x == 0) 0 else uniroot(function(p) 1 - pbinom(x, n, p) + dbinom(x, n, p) / 2 - a, c(0, x / n), tol = 1e-15)$root
  hi <- if (x == n) 1 else uniroot(function(p) pbinom(x - 1, n, p) + dbinom(x, n, p) / 2 - a, c(x / n, 1), tol = 1e-15)$root
  c(lo, hi)
}
# Blaker's acceptability; the interval is the hull of the rates where it is at least 1 - level
accept <- function(x, n, p) {
  u <- 1 - pbinom(x - 1, n, p); l <- pbinom(x, n, p)
  if (u <= l) { k <- qbinom(u * (1 + 1e-13), n, p); k <- if (pbinom(k, n, p) > u * (1 + 1e-13)) k - 1 else k; min(1, u + pbinom(k, n, p)) }
  else { k <- n - qbinom(l * (1 + 1e-13), n, 1 - p); k <- if (1 - pbinom(k - 1, n, p) > l * (1 + 1e-13)) k + 1 else k; min(1, l + 1 - pbinom(k - 1, n, p)) }
}
blaker <- function(x, n, level) {
  grid <- seq(1e-5, 1 - 1e-5, by = 1e-5)
  ok <- grid[vapply(grid, function(p) accept(x, n, p), 0) >= 1 - level]
  c(if (x == 0) 0 else min(ok), if (x == n) 1 else max(ok))
}
rows <- c()
for (x in c(0, 1, 3, 5, 9, 16, 17)) {
  two <- vapply(c(0.1, 0.3), function(p) binom.test(x, 17, p)$p.value, 0)
  rows <- c(rows, sprintf('{"x": %d, "n": 17, "mid_p95": %s, "blaker95_grid": %s, "two_sided": %s}',
                          x, num(midp(x, 17, 0.95)), num(blaker(x, 17, 0.95)), num(two)))
}
x <- c(1, 0, 1, 3, 2, 6, 0); n <- c(21, 16, 17, 9, 20, 20, 11)
ll <- function(par) { a <- exp(par[1]); b <- exp(par[2]); -sum(lbeta(a + x, b + n - x) - lbeta(a, b)) }
fit <- optim(c(0, 2), ll, method = "BFGS", control = list(reltol = 1e-15, maxit = 1000))
fit <- optim(fit$par, ll, control = list(reltol = 1e-15, maxit = 5000))
crude <- sum(x) / sum(n)
alone <- sum(x * log(crude) + (n - x) * log(1 - crude))
lrt <- 2 * (-fit$value - alone)
cat(sprintf('{"R": "%s",\n "intervals": [%s],\n "beta_binomial": {"a": %.10g, "b": %.10g, "lrt": %.12g, "p": %.12g}}\n',
            R.version.string, paste(rows, collapse = ",\n  "), exp(fit$par[1]), exp(fit$par[2]), lrt,
            pchisq(lrt, 1, lower.tail = FALSE) / 2))
