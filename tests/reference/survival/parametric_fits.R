# Makes parametric_fits.json: parametric fits carried to the maximum (flexsurv stops earlier), with weights, with
# delayed entry, and of intervals with exact times among them.
# Run: Rscript parametric_fits.R (reads data/, writes parametric_fits.json and parametric_fits.sessionInfo.txt).
suppressPackageStartupMessages({library(survival); library(jsonlite)})
set.seed(20260301)
cases <- list()
add <- function(kind, inputs, outputs) cases[[length(cases) + 1]] <<- list(kind = kind, inputs = inputs, outputs = outputs)
tight <- survreg.control(rel.tolerance = 1e-14, maxiter = 200)

# survreg, right-censored, with and without weights: intercept, log(scale), standard errors, log-likelihood
for (name in c("lung", "veteran", "colon_rec", "pbc", "stanford2")) {
  d <- read.csv(file.path("data", paste0(name, ".csv")))
  for (weighted in c(FALSE, TRUE)) {
    w <- if (weighted) rep_len(c(1, 2, 3, 0.5), nrow(d)) else rep(1, nrow(d))
    for (dist in c("exponential", "weibull", "lognormal", "loglogistic")) {
      f <- survreg(Surv(time, status) ~ 1, data = d, weights = w, dist = dist, control = tight)
      add("survreg", list(csv = paste0("data/", name, ".csv"), weighted = weighted, distribution = dist),
          list(estimate = c(unname(coef(f)), if (dist != "exponential") log(f$scale)), se = unname(sqrt(diag(vcov(f)))), loglik = f$loglik[1]))
    }
  }
}

# Gompertz by Newton steps on the score, with delayed entry where there is one: shape, log rate
gompertz <- function(time, status, entry) {
  h <- function(p, t) exp(p[2]) * if (abs(p[1]) < 1e-12) t else expm1(p[1] * t) / p[1]
  loglik <- function(p) sum(status * (p[2] + p[1] * time)) - sum(h(p, time) - h(p, entry))
  da <- function(p, t) exp(p[2]) * (p[1] * t * exp(p[1] * t) - expm1(p[1] * t)) / p[1]^2
  daa <- function(p, t) exp(p[2]) * (exp(p[1] * t) * (p[1]^2 * t^2 - 2 * p[1] * t + 2) - 2) / p[1]^3
  p <- c(1e-3 / mean(time), log(sum(status) / sum(time - entry)))
  p <- optim(p, function(q) -loglik(q), method = "Nelder-Mead", control = list(reltol = 1e-15, maxit = 20000, parscale = c(1 / mean(time), 1)))$par
  for (i in 1:50) {
    g <- c(sum(status * time) - sum(da(p, time) - da(p, entry)), sum(status) - sum(h(p, time) - h(p, entry)))
    m <- matrix(c(sum(daa(p, time) - daa(p, entry)), sum(da(p, time) - da(p, entry)), sum(da(p, time) - da(p, entry)), sum(h(p, time) - h(p, entry))), 2)
    p <- p + solve(m, g)
  }
  list(estimate = p, se = sqrt(diag(solve(m))), loglik = loglik(p))
}
for (name in c("lung", "veteran", "colon_rec", "channing", "std")) {
  d <- read.csv(file.path("data", paste0(name, ".csv")))
  entry <- if (is.null(d$entry)) rep(0, nrow(d)) else d$entry
  add("gompertz", list(csv = paste0("data/", name, ".csv")), gompertz(d$time, d$status, entry))
}

# survreg of intervals, exact, left-, right- and interval-censored times together, with weights and a covariate
for (n in c(5, 17, 17, 17, 40, 150)) {
  group <- rep_len(0:1, n)
  time <- rweibull(n, 1.4, 14 * exp(0.4 * group))
  step <- sample(c(2, 4, 6), 1)
  left <- pmin(floor(time / step) * step, 24)
  right <- ifelse(left >= 24, Inf, left + step)
  exact <- runif(n) < 0.15 & is.finite(right)
  left[exact] <- right[exact] <- round(time[exact], 2)
  w <- sample(c(1, 1, 2, 0.5), n, TRUE)
  s <- Surv(ifelse(left == 0, NA, left), ifelse(is.infinite(right), NA, right), type = "interval2")
  for (dist in c("exponential", "weibull", "lognormal", "loglogistic")) {
    f <- survreg(s ~ group, weights = w, dist = dist, control = tight)
    add("interval", list(left = left, right = ifelse(is.infinite(right), "Inf", right), weights = w, group = group, distribution = dist),
        list(estimate = c(unname(coef(f)), if (dist != "exponential") log(f$scale)), se = unname(sqrt(diag(vcov(f)))), loglik = f$loglik[2]))
  }
}
write(toJSON(list(cases = cases), digits = 15, auto_unbox = TRUE), "parametric_fits.json")
writeLines(capture.output(sessionInfo()), "parametric_fits.sessionInfo.txt")
