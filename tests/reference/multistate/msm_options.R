# Reference values of R msm for options of pnstrial.multistate.fit that msm_panel.json does not cover.
# Run: Rscript msm_options.R   (writes msm_options.json and sessionInfo.txt beside itself)
suppressMessages({library(msm); library(jsonlite)})
set.seed(20240611)
tight <- list(reltol = 1e-14, maxit = 5000, fnscale = 500)

# 60 patients on four states (three living, death), visits every 4 weeks, exact deaths, one covariate that
# changes at week 12, last contact alive with unknown state (code 99) for some.
Q <- rbind(c(-.09,.07,0,.02), c(.05,-.16,.08,.03), c(0,.06,-.12,.06), rep(0,4))
rows <- list()
for (id in 1:60) {
  ivig0 <- rbinom(1, 1, .5); s <- sample(1:3, 1, prob = c(.3,.4,.3)); t <- 0; path_t <- 0; path_s <- s
  while (t < 24 && s < 4) {
    q <- Q; z <- if (t < 12) ivig0 else 0
    q[1,2] <- q[1,2]*exp(-.6*z); q[2,3] <- q[2,3]*exp(-.6*z)
    r <- pmax(q[s,], 0); w <- rexp(1, sum(r))
    if (t < 12 && t + w >= 12) { t <- 12; next }
    t <- t + w; s <- sample(4, 1, prob = r); path_t <- c(path_t, t); path_s <- c(path_s, s)
  }
  at <- function(u) path_s[max(which(path_t <= u))]
  visits <- seq(0, 24, 4); died <- if (any(path_s == 4)) round(path_t[which(path_s == 4)], 2) else Inf
  v <- visits[visits < died]; st <- sapply(v, at)
  obs <- sapply(st, function(g) sample(1:3, 1, prob = rbind(c(.9,.1,0), c(.05,.9,.05), c(0,.1,.9))[g,]))
  if (is.finite(died) && died <= 24) { v <- c(v, died); st <- c(st, 4); obs <- c(obs, 4) }
  else { v <- c(v, 26); st <- c(st, 99); obs <- c(obs, 99) }
  rows[[id]] <- data.frame(id = id, week = v, state = st, observed = obs, ivig = ifelse(v < 12, ivig0, 0))
}
d <- do.call(rbind, rows)
q0 <- rbind(c(0,.1,0,.02), c(.1,0,.1,.02), c(0,.1,0,.05), rep(0,4))
E <- rbind(c(0,.1,0,0), c(.05,0,.05,0), c(0,.1,0,0), rep(0,4))
out <- list(data = d)
grab <- function(f) list(minus2loglik = f$minus2loglik, Q = unclass(qmatrix.msm(f, covariates = 0)$estimates),
  SE = unclass(qmatrix.msm(f, covariates = 0)$SE), P12 = unclass(pmatrix.msm(f, t = 12, covariates = 0)))
censored <- msm(state ~ week, id, d, qmatrix = q0, deathexact = 4, censor = 99, censor.states = list(c(1,2,3)), control = tight)
out$censored <- grab(censored)
cov <- msm(state ~ week, id, d, qmatrix = q0, deathexact = 4, censor = 99, covariates = ~ ivig, center = FALSE,
           constraint = list(ivig = c(1,2,3,1,2,4,2)), control = tight)
out$covariate_groups <- c(grab(cov), list(log_ratio = unclass(cov$estimates[grep("qcov", names(cov$estimates))])))
common <- msm(state ~ week, id, d, qmatrix = q0, deathexact = 4, censor = 99, covariates = ~ ivig, center = FALSE,
           constraint = list(ivig = rep(1,7)), control = tight)
out$covariate_common <- c(grab(common), list(hazard = hazard.msm(common)$ivig))
equal <- msm(state ~ week, id, d, qmatrix = q0, deathexact = 4, censor = 99, qconstraint = c(1,2,3,1,2,3,2), control = tight)
out$same_rate <- grab(equal)
hidden <- msm(observed ~ week, id, d, qmatrix = q0, ematrix = E, deathexact = 4, censor = 99, censor.states = list(c(1,2,3)),
              initprobs = c(.3,.4,.3,0), fixedpars = 8:11, control = tight)
out$misclassified <- grab(hidden)
out$misclassified$ematrix <- unclass(ematrix.msm(hidden, ci = "none"))
out$npars <- length(hidden$estimates)
write_json(out, "msm_options.json", digits = 15, na = "string", matrix = "rowmajor")
writeLines(capture.output(sessionInfo()), "sessionInfo.txt")
