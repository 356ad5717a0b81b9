//! What the demo marketplace is made of: companies and gigs that a person would believe.

/// A client company.
pub(super) struct Company {
    pub name: &'static str,
    pub about: &'static str,
    pub time_zone: &'static str,
}

/// A job post.
pub(super) struct Post {
    /// The name of the company whose it is.
    pub company: &'static str,
    pub title: &'static str,
    pub description: &'static str,
    pub required: &'static [&'static str],
    pub nice: &'static [&'static str],
    /// Cents: a whole budget when fixed, an hourly rate otherwise.
    pub budget: (i64, i64),
    pub hourly: bool,
    pub asks: Asks,
    pub question: &'static str,
}

/// What a post can't do without, beside skills.
pub(super) enum Asks {
    /// English to work in.
    Nothing,
    /// Hours of the client's own day, at least so many.
    Overlap(i32),
    /// Fluent English: people read or hear it.
    FluentEnglish,
    /// Fluent English, and hours of the client's own day.
    FluentEnglishAnd(i32),
}

pub(super) const FIRST_NAMES: &[&str] = &[
    "Ayesha", "Bilal", "Fatima", "Hassan", "Zainab", "Usman", "Maryam", "Hamza", "Sana", "Imran", "Hira", "Ali",
    "Noor", "Faisal", "Iqra", "Omar", "Rabia", "Tariq", "Mahnoor", "Adeel", "Sadia", "Kamran", "Amna", "Junaid",
    "Khadija", "Saad", "Nimra", "Waqas", "Laiba", "Asad", "Mehwish", "Danish", "Anum", "Shahzaib", "Kinza", "Farhan",
    "Areeba", "Yasir", "Sidra", "Zeeshan",
];

pub(super) const LAST_NAMES: &[&str] = &[
    "Khan", "Ahmed", "Malik", "Raza", "Qureshi", "Butt", "Siddiqui", "Sheikh", "Chaudhry", "Abbasi", "Mirza", "Hashmi",
    "Baloch", "Afridi", "Ansari", "Bhatti", "Gondal", "Javed", "Lodhi", "Memon", "Naqvi", "Rehman", "Tahir",
];

pub(super) const COMPANIES: &[Company] = &[
    Company {
        name: "Cedar Health",
        about: "Appointments and billing for small clinics.",
        time_zone: "America/New_York",
    },
    Company {
        name: "Ledgerline",
        about: "Payments between small businesses, settled the same day.",
        time_zone: "America/New_York",
    },
    Company {
        name: "Northwind Labs",
        about: "Forecasts for people who buy electricity.",
        time_zone: "America/Chicago",
    },
    Company { name: "Pinecone Pets", about: "Food for dogs with opinions.", time_zone: "America/Denver" },
    Company {
        name: "Harbor Freight Tech",
        about: "Finding room on trucks that drive half empty.",
        time_zone: "America/Los_Angeles",
    },
    Company { name: "Quillstack", about: "Writing tools for lawyers.", time_zone: "America/New_York" },
    Company { name: "Sunroof Energy", about: "Solar panels, planned from the air.", time_zone: "America/Los_Angeles" },
    Company {
        name: "Tandem Learning",
        about: "Tutors for children who learn in two languages.",
        time_zone: "America/Chicago",
    },
];

pub(super) const POSTS: &[Post] = &[
    Post {
        company: "Ledgerline",
        title: "Rust engineer for a payments ledger",
        description: "We settle payments between small businesses and are rewriting our ledger in Rust on PostgreSQL. You will own the posting engine: double entry, idempotent, tested against races. We want someone who has kept books in code before.",
        required: &["rust", "postgresql"],
        nice: &["graphql", "kubernetes"],
        budget: (400_000, 700_000),
        hourly: false,
        asks: Asks::Overlap(2),
        question: "How would you make a transfer safe to repeat?",
    },
    Post {
        company: "Cedar Health",
        title: "React front end for a clinic's booking page",
        description: "A booking page that works on an old phone and for people who use a screen reader. The design is in Figma and the API is ready.",
        required: &["react", "typescript", "web-accessibility"],
        nice: &["next-js", "tailwind-css"],
        budget: (150_000, 300_000),
        hourly: false,
        asks: Asks::Nothing,
        question: "Which accessibility checks do you run before you call a page done?",
    },
    Post {
        company: "Northwind Labs",
        title: "DevOps: move us to Kubernetes with Terraform",
        description: "Twelve services on hand-made servers at AWS should become a cluster we can rebuild from a repository. Plan, move, hand over.",
        required: &["kubernetes", "terraform"],
        nice: &["aws", "prometheus", "github-actions"],
        budget: (3_500, 6_500),
        hourly: true,
        asks: Asks::Overlap(3),
        question: "What would you move first, and why?",
    },
    Post {
        company: "Northwind Labs",
        title: "Data engineer for an energy forecast",
        description: "Weather, prices and meter readings come in by the minute. We need them in a warehouse, modelled and tested, before the traders wake up.",
        required: &["dbt", "apache-airflow"],
        nice: &["python", "snowflake", "bigquery"],
        budget: (3_000, 6_000),
        hourly: true,
        asks: Asks::Overlap(2),
        question: "How do you notice that yesterday's data is wrong?",
    },
    Post {
        company: "Pinecone Pets",
        title: "Flutter app for dog owners",
        description: "Order food, log walks, book a vet. Must work without a connection and sync later.",
        required: &["flutter", "firebase"],
        nice: &["app-store-submission"],
        budget: (250_000, 450_000),
        hourly: false,
        asks: Asks::Nothing,
        question: "Show us an app of yours that works offline.",
    },
    Post {
        company: "Quillstack",
        title: "Retrieval over contracts with citations",
        description: "Lawyers ask questions of their own documents; every answer must cite the paragraph. We have an evaluation set and want it beaten.",
        required: &["large-language-models", "retrieval-augmented-generation"],
        nice: &["python", "langchain", "natural-language-processing"],
        budget: (4_000, 8_500),
        hourly: true,
        asks: Asks::Overlap(2),
        question: "How do you measure whether an answer is right?",
    },
    Post {
        company: "Tandem Learning",
        title: "Design system for an education product",
        description: "Forty screens in six styles should become one system, in English and Spanish, left to right and right to left.",
        required: &["figma", "design-systems", "ux-ui-design"],
        nice: &["ux-research"],
        budget: (200_000, 350_000),
        hourly: false,
        asks: Asks::Nothing,
        question: "Link one system you made and one component you are proud of.",
    },
    Post {
        company: "Sunroof Energy",
        title: "Logo and brand for a solar company",
        description: "A name, three colours, a van to paint. We want a mark that works at 16 pixels and at three metres.",
        required: &["logo-design", "brand-identity"],
        nice: &["typography", "adobe-illustrator"],
        budget: (50_000, 120_000),
        hourly: false,
        asks: Asks::Nothing,
        question: "Which of your logos is used smallest?",
    },
    Post {
        company: "Harbor Freight Tech",
        title: "Motion designer for six explainer videos",
        description: "Our product finds room on trucks. Six videos of ninety seconds explain it, from our scripts: screen captures, captions, a voice that does not shout.",
        required: &["video-editing", "motion-graphics"],
        nice: &["adobe-after-effects"],
        budget: (120_000, 200_000),
        hourly: false,
        asks: Asks::FluentEnglish,
        question: "How many rounds of changes do you plan for?",
    },
    Post {
        company: "Ledgerline",
        title: "API documentation for developers",
        description: "Our reference is generated and nobody reads it. Write the guide we wish we had: quick start, webhooks, errors, examples that run.",
        required: &["technical-writing"],
        nice: &["rest-apis", "openapi"],
        budget: (2_000, 4_000),
        hourly: true,
        asks: Asks::FluentEnglish,
        question: "Link a page of documentation you wrote.",
    },
    Post {
        company: "Cedar Health",
        title: "SEO audit and a year's content plan",
        description: "Two hundred pages, little traffic. Tell us what to fix, what to delete and what to write.",
        required: &["seo", "keyword-research"],
        nice: &["technical-seo", "content-marketing"],
        budget: (60_000, 150_000),
        hourly: false,
        asks: Asks::FluentEnglish,
        question: "What do you look at in the first hour of an audit?",
    },
    Post {
        company: "Pinecone Pets",
        title: "Shopify store with subscriptions",
        description: "Move eleven hundred customers and their subscriptions to Shopify without anybody noticing.",
        required: &["shopify", "shopify-liquid"],
        nice: &["woocommerce", "css"],
        budget: (180_000, 320_000),
        hourly: false,
        asks: Asks::Nothing,
        question: "How will you move running subscriptions?",
    },
    Post {
        company: "Tandem Learning",
        title: "Support in US evening hours",
        description: "Parents write to us after school. Answer by chat and mail, five evenings a week, and write down what we should fix.",
        required: &["customer-service", "live-chat-support"],
        nice: &["zendesk"],
        budget: (600, 1_400),
        hourly: true,
        asks: Asks::FluentEnglishAnd(1),
        question: "Write the answer to: my child can't log in and the lesson starts in five minutes.",
    },
    Post {
        company: "Sunroof Energy",
        title: "Bookkeeper for a company of thirty",
        description: "Monthly close in QuickBooks, reconciliations, and a tidy folder for our accountant.",
        required: &["bookkeeping", "quickbooks"],
        nice: &["bank-reconciliation"],
        budget: (1_000, 2_200),
        hourly: true,
        asks: Asks::Overlap(1),
        question: "When is a month closed?",
    },
    Post {
        company: "Quillstack",
        title: "End-to-end tests for a web product",
        description: "Playwright tests for the thirty things that must never break, in our pipeline, without flakes.",
        required: &["playwright", "test-automation"],
        nice: &["typescript", "api-testing"],
        budget: (2_000, 4_000),
        hourly: true,
        asks: Asks::Overlap(1),
        question: "What do you do with a test that fails once in fifty runs?",
    },
    Post {
        company: "Harbor Freight Tech",
        title: "Laravel developer for a wholesale portal",
        description: "Price lists, orders by spreadsheet, invoices. The code is five years old and honest.",
        required: &["laravel", "mysql"],
        nice: &["vue-js"],
        budget: (1_500, 3_200),
        hourly: true,
        asks: Asks::Nothing,
        question: "What do you read first in somebody else's Laravel project?",
    },
];
