# Makes cox_more.json and cox_more.sessionInfo.txt: Cox models of R beyond those of cox.json, namely rows with a start
# time, strata, weights and clusters together, a categorical covariate, separation beside a covariate that is not
# separated, the exact likelihood with strata or a start time, gamma frailty at a fixed variance, and Firth's penalty
# maximised by general optimisation of coxph's own likelihood and information.
# Run: Rscript cox_more.R  (in this folder)
suppressPackageStartupMessages({library(survival); library(jsonlite)})
tight <- coxph.control(eps = 1e-14, toler.chol = 1e-15, iter.max = 60)

fitted <- function(fit) {
  s <- summary(fit)
  out <- list(coef = unname(coef(fit)), se = unname(sqrt(diag(fit$var))), loglik = fit$loglik, score = fit$score,
              wald = unname(fit$wald.test), lr = 2 * diff(fit$loglik))
  if (!is.null(fit$naive.var)) out$naive_se <- unname(sqrt(diag(fit$naive.var)))
  out
}
everything <- function(fit, exact = FALSE) {
  out <- fitted(fit)
  out$martingale <- unname(residuals(fit, "martingale"))
  out$concordance <- unname(c(fit$concordance["concordance"], fit$concordance["std"]))
  out$counts <- unname(fit$concordance[1:5])
  if (exact) return(out)
  for (kind in c("deviance", "dfbeta", "dfbetas", "schoenfeld", "scaledsch"))
    out[[kind]] <- unname(as.matrix(residuals(fit, kind)))
  for (kind in c("km", "identity", "rank", "log")) {
    z <- cox.zph(fit, transform = kind)$table
    out$zph[[kind]] <- list(rows = rownames(z), chisq = unname(z[, 1]), df = unname(z[, 2]), p = unname(z[, 3]))
  }
  h <- basehaz(fit, centered = FALSE)
  out$basehaz <- list(time = h$time, hazard = h$hazard,
                      strata = if (is.null(h$strata)) NULL else as.character(h$strata))
  out
}
columns <- function(d) lapply(d, function(v) if (is.factor(v)) as.character(v) else v)
cases <- list()
add <- function(id, data, arguments, out) cases[[length(cases) + 1]] <<-
  list(id = id, data = columns(data), arguments = arguments, outputs = out)

h <- heart[, c("start", "stop", "event", "age", "year", "surgery", "transplant", "id")]
h$transplant <- as.numeric(h$transplant == "1")
h$wt <- 1 + (h$id %% 3)
h$site <- c("a", "b", "c")[1 + h$id %% 3]
h$age <- round(h$age, 6); h$year <- round(h$year, 6)
# Coarse times, so that many are tied.
hc <- h; hc$start <- floor(h$start / 10) * 10; hc$stop <- ceiling(h$stop / 10) * 10
hc <- hc[hc$stop > hc$start, ]
three <- c("age", "surgery", "transplant")
for (ties in c("efron", "breslow")) for (name in if (ties == "efron") c("fine", "coarse") else "coarse") {
  d <- if (name == "fine") h else hc
  d$strat <- as.numeric(d$surgery)
  f <- coxph(Surv(start, stop, event) ~ age + surgery + transplant, d, ties = ties, control = tight)
  add(paste("startstop", name, ties), d, list(covariates = three, ties = ties, entry = "start"), everything(f))
  f <- coxph(Surv(start, stop, event) ~ age + transplant + strata(strat), d, ties = ties, weights = wt, cluster = id,
             control = tight)
  add(paste("startstop strata weights cluster", name, ties), d,
      list(covariates = c("age", "transplant"), ties = ties, entry = "start", strata = "strat", weights = "wt",
           cluster = "id"), everything(f))
}
d <- hc
f <- coxph(Surv(start, stop, event) ~ age + site, d, control = tight)
add("startstop categorical", d, list(covariates = c("age", "site"), ties = "efron", entry = "start"), everything(f))
d <- h
f <- coxph(Surv(start, stop, event) ~ age + transplant, d, ties = "exact", control = tight)
add("startstop exact", d, list(covariates = c("age", "transplant"), ties = "exact", entry = "start"), everything(f, TRUE))
l <- na.omit(lung[, c("time", "status", "age", "sex", "ph.ecog", "inst")])
l$status <- l$status - 1; l$months <- ceiling(l$time / 60); l$ecog <- factor(l$ph.ecog); l$wt <- 0.5 + (l$inst %% 4) / 4
names(l)[5] <- "ph"
d <- l
f <- coxph(Surv(months, status) ~ age + sex, d, ties = "exact", control = tight)
add("exact many ties", d, list(covariates = c("age", "sex"), ties = "exact", time = "months"), everything(f, TRUE))
f <- coxph(Surv(months, status) ~ age + strata(sex), d, ties = "exact", control = tight)
add("exact strata", d, list(covariates = "age", ties = "exact", time = "months", strata = "sex"), everything(f, TRUE))
f <- coxph(Surv(months, status) ~ age + ecog + sex, d, control = tight)
add("categorical", transform(d, ecog = paste0("e", ph)), list(covariates = c("age", "ecog", "sex"), ties = "efron", time = "months"), everything(f))
f <- coxph(Surv(months, status) ~ age + sex, d, weights = wt, robust = TRUE, control = tight)
add("weights robust", d, list(covariates = c("age", "sex"), ties = "efron", time = "months", weights = "wt",
                              robust = TRUE), everything(f))
f <- coxph(Surv(months, status) ~ age + ph + strata(inst), d, control = tight)
add("many strata", d, list(covariates = c("age", "ph"), ties = "efron", time = "months", strata = "inst"), everything(f))
d$double <- 2 * d$age - d$sex
f <- coxph(Surv(months, status) ~ age + sex + double, d, control = coxph.control(eps = 1e-11))
out <- fitted(f); out$coef <- ifelse(is.na(out$coef), "NA", out$coef); out$se <- ifelse(out$se == 0, "NA", out$se)
add("aliased", d, list(covariates = c("age", "sex", "double"), ties = "efron", time = "months"), out)

# Separation of one covariate beside another: what the other's coefficient tends to.
set.seed(3)
d <- data.frame(time = c(4, 6, 7, 9, 12, 15, 18, 20, 25, 26, 26, 26), status = c(1, 1, 1, 1, 1, 1, 0, 1, 0, 0, 0, 0),
                group = rep(c(0, 1), c(8, 4)), x = c(3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8))
f <- suppressWarnings(coxph(Surv(time, status) ~ group + x, d, control = coxph.control(eps = 1e-14, iter.max = 26, toler.chol = 1e-15)))
add("separated beside", d, list(covariates = c("group", "x"), ties = "efron"), fitted(f))

# Firth: maximise l + log(det I) / 2 by hand.
penalised <- function(b, d, formula, ties) {
  f <- coxph(formula, d, ties = ties, init = b, control = coxph.control(iter.max = 0))
  f$loglik[length(f$loglik)] - as.numeric(determinant(f$var)$modulus) / 2
}
top1 <- function(g, from, to) optimize(g, c(from, to), maximum = TRUE, tol = 1e-12)
firth1 <- function(d, ties) {
  g <- function(b) penalised(b, d, Surv(time, status) ~ group, ties)
  m <- top1(g, -8, 8)
  cut <- function(b) 2 * (m$objective - g(b)) - qchisq(0.95, 1)
  list(coef = m$maximum, loglik = c(g(0), m$objective), lower = uniroot(cut, c(m$maximum - 12, m$maximum), tol = 1e-12)$root,
       upper = uniroot(cut, c(m$maximum, m$maximum + 12), tol = 1e-12)$root,
       p = pchisq(2 * (m$objective - g(0)), 1, lower.tail = FALSE),
       se = sqrt(coxph(Surv(time, status) ~ group, d, ties = ties, init = m$maximum, control = coxph.control(iter.max = 0))$var[1]))
}
small <- list(
  separated = data.frame(time = c(1:8, 11:19), status = 1, group = rep(c(0, 1), c(8, 9))),
  one_event = data.frame(time = c(4, 8, 12, 12, 16, 20, 24, 24, 24, 26, 26), status = c(0, 0, 1, rep(0, 8)), group = rep(c(0, 1), length.out = 11)),
  tied = data.frame(time = c(3, 6, 6, 9, 9, 9, 18, 21, 26, 26, 26), status = c(1, 1, 1, 1, 1, 1, 0, 0, 1, 0, 0), group = c(0, 0, 1, 0, 0, 1, 0, 1, 1, 1, 1)),
  three = data.frame(time = c(2, 4, 6), status = c(1, 0, 1), group = c(0, 1, 1)))
for (name in names(small)) for (ties in c("efron", "breslow"))
  add(paste("firth", name, ties), small[[name]], list(covariates = "group", ties = ties, penalty = "firth"), firth1(small[[name]], ties))
d <- data.frame(time = c(4, 6, 6, 9, 12, 15, 18, 20, 25, 26, 26, 26), status = c(1, 1, 1, 1, 1, 1, 0, 1, 0, 0, 0, 0),
                group = rep(c(0, 1), c(8, 4)), x = c(3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8) / 5)
for (ties in c("efron", "breslow")) {
  formula <- Surv(time, status) ~ group + x
  inner <- function(b1) top1(function(b2) penalised(c(b1, b2), d, formula, ties), -6, 6)
  outer <- top1(function(b1) inner(b1)$objective, -8, 6)
  x <- inner(outer$maximum)
  other <- function(b2) top1(function(b1) penalised(c(b1, b2), d, formula, ties), -9, 6)$objective
  cut1 <- function(b) 2 * (outer$objective - inner(b)$objective) - qchisq(0.95, 1)
  cut2 <- function(b) 2 * (outer$objective - other(b)) - qchisq(0.95, 1)
  low <- c(uniroot(cut1, c(-12, outer$maximum), tol = 1e-9)$root, uniroot(cut2, c(-6, x$maximum), tol = 1e-9)$root)
  high <- c(uniroot(cut1, c(outer$maximum, 6), tol = 1e-9)$root, uniroot(cut2, c(x$maximum, 6), tol = 1e-9)$root)
  add(paste("firth two", ties), d, list(covariates = c("group", "x"), ties = ties, penalty = "firth"),
      list(coef = c(outer$maximum, x$maximum), loglik = c(penalised(c(0, 0), d, formula, ties), outer$objective),
           lower = low, upper = high,
           p = pchisq(2 * (outer$objective - c(inner(0)$objective, other(0))), 1, lower.tail = FALSE)))
}
# Gamma frailty at a fixed variance, with the whole information matrix.
d <- kidney[, c("id", "time", "status", "age", "sex")]
for (theta in c(0.1, 0.5, 2)) for (ties in c("efron", "breslow")) {
  f <- coxph(Surv(time, status) ~ age + sex + frailty(id, theta = theta, sparse = FALSE), d, ties = ties,
             control = coxph.control(eps = 1e-13, toler.chol = 1e-14, iter.max = 60, outer.max = 60))
  keep <- c("age", "sex")
  add(paste("frailty", theta, ties), d, list(covariates = keep, ties = ties, cluster = "id", theta = theta),
      list(coef = unname(coef(f)[keep]), se = unname(sqrt(diag(f$var))[match(keep, names(coef(f)))]),
           marginal = f$history[[1]]$c.loglik))
}
writeLines(toJSON(list(description = "Cox models of R survival beyond cox.json; see cox_more.R", cases = cases),
                  digits = 12, auto_unbox = TRUE, na = "string", null = "null"), "cox_more.json")
writeLines(capture.output(sessionInfo()), "cox_more.sessionInfo.txt")
